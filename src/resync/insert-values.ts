// Hot statements: hand-written.
import { deletedField } from '../apply/merge.ts';
import { encodeColumns, recordSet, toJsonRow } from '../apply/write-patch.ts';
import type { Queryable } from '../db/database.ts';
import { isStorableText } from '../db/storable.ts';
import { fitsColumn } from '../mirror/column-value.ts';
import { type MirrorTable, quoted } from '../mirror/mirror-table.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import type { AccountRead } from '../salesforce/records.ts';
import type { Snapshot } from './snapshot.ts';

/** Statements that insert the values of reads, and the ids of those reads. */
export type EncodedReads = {
  readonly ids: ReadonlySet<string>;
  send(client: Queryable): Promise<unknown>[];
};

/**
 * Creates a function that encodes the values of reads. It leaves out reads with a text that PostgreSQL cannot store.
 *
 * The values are sent as one array per column, which costs PostgreSQL two thirds of what a list of JSON objects does.
 * Reads with a value that has no column are sent as JSON; so are those of persons, whose name has parts.
 */
export function readEncoder(
  table: MirrorTable,
  { plan: { paths } }: Snapshot,
): (reads: readonly AccountRead[]) => EncodedReads {
  const columns = paths.map((path) => (path.startsWith('Name.') ? undefined : table.byPath.get(path)));
  const fits = (value: Scalar, index: number): boolean => {
    const column = columns[index];
    return (
      value === null ||
      paths[index] === deletedField ||
      (column !== undefined && fitsColumn(column.type, value))
    );
  };
  const isPlain = ({ scalars }: AccountRead): boolean => scalars.every(fits);
  const toArrays = (reads: readonly AccountRead[]): ColumnArray[] => [
    array('id', 'text', reads, ({ id }) => id),
    array('isdeleted', 'boolean', reads, ({ deleted }) => deleted),
    array('systemmodstamp', 'timestamptz', reads, ({ systemModstamp }) =>
      new Date(systemModstamp).toISOString(),
    ),
    ...columns.flatMap((column, index) => {
      if (column === undefined || paths[index] === deletedField) return [];
      const values = array(column.name, column.type, reads, ({ scalars }) => scalars[index] ?? null);
      return values.hasValue ? [values] : [];
    }),
  ];
  return (reads) => {
    const { plain = [], other = [] } = Object.groupBy(reads, (read) => (isPlain(read) ? 'plain' : 'other'));
    let stored = plain;
    let arrays = toArrays(plain);
    if (!arrays.every(({ text }) => isStorableText(text))) {
      stored = plain.filter(({ scalars }) => scalars.every(isStorable));
      arrays = toArrays(stored);
    }
    const rows = other.filter(({ scalars }) => scalars.every(isStorable));
    return {
      ids: new Set([...stored, ...rows].map(({ id }) => id)),
      send: (client) => [
        ...(stored.length === 0 ? [] : [insertArrays(client, table, arrays)]),
        ...(rows.length === 0 ? [] : [insertJson(client, table, rows)]),
      ],
    };
  };
}

function isStorable(value: Scalar): boolean {
  return typeof value !== 'string' || isStorableText(value);
}

/** The values of a column as text of an array. Source: "Array Input and Output Syntax", PostgreSQL manual. */
type ColumnArray = {
  readonly name: string;
  readonly type: string;
  readonly text: string;
  readonly hasValue: boolean;
};

function array(
  name: string,
  type: string,
  reads: readonly AccountRead[],
  toValue: (read: AccountRead) => Scalar,
): ColumnArray {
  const isText = type === 'text';
  let list = '';
  let hasValue = false;
  for (const read of reads) {
    const value = toValue(read);
    if (value === null) {
      list += ',NULL';
    } else {
      hasValue = true;
      list += isText ? `,"${quotable(value as string)}"` : `,${value}`;
    }
  }
  return { name, type, text: `{${list.slice(1)}}`, hasValue };
}

function quotable(text: string): string {
  return escapable.test(text) ? text.replaceAll(allEscapable, '\\$&') : text;
}

const escapable = /["\\]/;
const allEscapable = /["\\]/g;

function insertArrays(
  client: Queryable,
  table: MirrorTable,
  arrays: readonly ColumnArray[],
): Promise<unknown> {
  const parameters = arrays.map(({ type }, index) => `$${index + 1}::${type}[]`);
  return client.query({
    text: `insert into ${table.sql} (${arrays.map(({ name }) => quoted(name)).join(', ')})
           select * from unnest(${parameters.join(', ')})`,
    values: arrays.map(({ text }) => text),
  });
}

function insertJson(client: Queryable, table: MirrorTable, reads: readonly AccountRead[]): Promise<unknown> {
  const rows = reads.map((read) => {
    const values = new Map([...read.values, [deletedField, read.deleted]]);
    return [read.id, encodeColumns(table, { values }, read.systemModstamp)] as const;
  });
  const names = [...new Set(rows.flatMap(([, row]) => [...row.keys()]))];
  const list = names.map(quoted).join(', ');
  return client.query({
    text: `insert into ${table.sql} (id, ${list})
           select id, ${list} from json_to_recordset($1::json) as t (id text, ${recordSet(table, names)})`,
    values: [JSON.stringify(rows.map(([id, row]) => toJsonRow(id, row)))],
  });
}
