import type pg from 'pg';
import { type CodeRules, isNew } from '../codes/code-rules.ts';
import type { Code, CodeError, CodeState } from '../codes/signup-code.ts';
import { type Queryable, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import { type FieldTree, fromTree, toTree } from './field-tree.ts';
import { deletedField, type Merged, newestVersion } from './merge.ts';
import { formatVersion, parseVersion, type Version } from './version.ts';

/** A row of the table `accounts`. */
export type AccountRow = {
  readonly id: string;
  readonly merged: Merged;
  readonly code: Code;
  /** The version that a read must reach for the account to be no longer stale; null if it is not stale. */
  readonly staleVersion: Version | null;
  /** Version of the read since which the values are unchanged; set while the account has no stored history. */
  readonly historyFrom: Version | null;
  /** Approximate number of stored changes. */
  readonly historyLength: number;
  /** Paths of fields whose text contains a replaced character. */
  readonly replaced: ReadonlySet<string>;
};

/** A row to save. `visible`: the API shows a difference. */
export type SavedRow = AccountRow & { readonly visible: boolean };

/** Locks these accounts, ordered by id. @returns those that exist */
export async function lockAccounts(
  client: pg.PoolClient,
  ids: readonly string[],
): Promise<Map<string, AccountRow>> {
  const { rows } = await client.query<RawRow>({
    name: 'lock-accounts',
    text: `select id, fields, base_version, field_versions, signup_code, code_state, code_error, code_replaces,
                  code_write_base, code_written_at, stale_version, history_from, history_length, replaced_fields
             from accounts where id = any($1::text[]) order by id for update`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row.id, toRow(row)]));
}

function toRow(row: RawRow): AccountRow {
  // Many fields share a version: each one is parsed once.
  const parsed = new Map<string, Version>();
  const version = (text: string): Version => {
    const known = parsed.get(text) ?? parseVersion(text);
    parsed.set(text, known);
    return known;
  };
  return {
    id: row.id,
    merged: {
      values: fromTree(row.fields),
      baseVersion: parseVersion(row.base_version),
      fieldVersions: new Map(Object.entries(row.field_versions).map(([path, text]) => [path, version(text)])),
    },
    code: {
      signupCode: row.signup_code,
      state: row.code_state,
      error: row.code_error,
      ...(row.code_replaces.length > 0 && { replaces: row.code_replaces }),
      ...writtenOf(row),
    },
    staleVersion: row.stale_version === null ? null : parseVersion(row.stale_version),
    historyFrom: row.history_from === null ? null : parseVersion(row.history_from),
    historyLength: row.history_length,
    replaced: new Set(row.replaced_fields),
  };
}

function writtenOf({ code_state, code_write_base, code_written_at }: RawRow): Pick<Code, 'written'> {
  if (code_state !== 'written' || code_write_base === null || code_written_at === null) return {};
  return { written: { base: parseVersion(code_write_base), at: code_written_at.getTime() } };
}

/** A row with its stored projections, for the comparison with computed ones. */
export type ComparableRow = AccountRow & { readonly projections: Projections };

/** Reads rows with their projections, without a lock. */
export async function readComparableRows(
  client: Queryable,
  ids: readonly string[],
): Promise<Map<string, ComparableRow>> {
  const { rows } = await client.query<
    RawRow &
      Omit<Projections, 'created_at' | 'modified_at'> & { created_at: Date | null; modified_at: Date | null }
  >({
    name: 'read-comparable-accounts',
    text: `select id, fields, base_version, field_versions, signup_code, code_state, code_error, code_replaces,
                  code_write_base, code_written_at, stale_version, history_from, history_length, replaced_fields, name,
                  account_number, salesforce_code, created_at, modified_at, deleted
             from accounts where id = any($1::text[])`,
    values: [ids],
  });
  return new Map(
    rows.map((row) => {
      const projections = {
        name: row.name,
        account_number: row.account_number,
        salesforce_code: row.salesforce_code,
        created_at: row.created_at?.toISOString() ?? null,
        modified_at: row.modified_at?.toISOString() ?? null,
        deleted: row.deleted,
      };
      return [row.id, { ...toRow(row), projections }];
    }),
  );
}

/** Upserts rows. A new code of a new account is due before all others; that of an older account after the waiting ones. */
export async function saveAccounts(
  client: Queryable,
  rows: readonly SavedRow[],
  codes: CodeRules,
): Promise<void> {
  for (const slice of slices(rows)) {
    const columns = slice.map((row) => toColumns(row, codes));
    await client.query({
      name: 'save-accounts',
      text: saveSql,
      values: parameterNames.map((name) => columns.map((column) => column[name])),
    });
  }
}

function toColumns(row: SavedRow, codes: CodeRules): Columns {
  const { id, merged, code, staleVersion, visible, historyFrom, historyLength, replaced } = row;
  const { values, baseVersion, fieldVersions } = merged;
  const version = newestVersion(merged);
  const projections = projectionsOf(merged, codes.field);
  const { deleted } = projections;
  return {
    id,
    fields: storableJson(toTree(values)),
    ...projections,
    deleted_at: deleted ? new Date((fieldVersions.get(deletedField) ?? baseVersion)[0]).toISOString() : null,
    base_version: formatVersion(baseVersion),
    field_versions: JSON.stringify(
      Object.fromEntries([...fieldVersions].map(([path, at]) => [path, formatVersion(at)])),
    ),
    version: formatVersion(version),
    signup_code: code.signupCode,
    code_state: code.state,
    code_error: code.error === null ? null : storableJson(code.error),
    code_replaces: JSON.stringify(code.replaces ?? []),
    code_due_at: isNew(codes, merged) ? 'epoch' : 'now',
    stale_version: staleVersion === null ? null : formatVersion(staleVersion),
    stale_since: staleVersion === null ? null : new Date(staleVersion[0]).toISOString(),
    history_from: historyFrom === null ? null : formatVersion(historyFrom),
    history_length: historyLength,
    replaced_fields: JSON.stringify([...replaced].sort()),
    visible,
  };
}

/** Columns computed from the fields, for filters and sorting. */
export type Projections = {
  readonly name: string | null;
  readonly account_number: string | null;
  readonly salesforce_code: string | null;
  readonly created_at: string | null;
  readonly modified_at: string | null;
  readonly deleted: boolean;
};

export function projectionsOf({ values }: Merged, codeField: string): Projections {
  return {
    name: displayName((path) => values.get(path) ?? null),
    account_number: textOf(values.get('AccountNumber')),
    salesforce_code: textOf(values.get(codeField)),
    created_at: timeOf(values.get('CreatedDate')),
    modified_at: timeOf(values.get('LastModifiedDate')),
    deleted: values.get(deletedField) === true,
  };
}

/** The name of a business account, or the name of a person account in the format of Salesforce. */
function displayName(value: (path: string) => Scalar): string | null {
  const name = value('Name');
  if (name !== null) return String(name);
  const parts = ['Salutation', 'FirstName', 'MiddleName', 'LastName', 'Suffix'];
  const filled = parts.map((part) => value(`Name.${part}`)).filter((part) => part !== null);
  return filled.length === 0 ? null : filled.join(' ');
}

/** Null unless it is a time of the years 1 to 9999: PostgreSQL does not parse the ISO format of other years. */
function timeOf(value: Scalar | undefined): string | null {
  const time = new Date(textOf(value) ?? '');
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999 ? time.toISOString() : null;
}

function textOf(value: Scalar | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

const columnTypes = {
  id: 'text',
  fields: 'jsonb',
  name: 'text',
  account_number: 'text',
  salesforce_code: 'text',
  created_at: 'timestamptz',
  modified_at: 'timestamptz',
  deleted: 'boolean',
  deleted_at: 'timestamptz',
  base_version: 'text',
  field_versions: 'jsonb',
  version: 'text',
  signup_code: 'text',
  code_state: 'text',
  code_error: 'jsonb',
  code_replaces: 'jsonb',
  code_due_at: 'timestamptz',
  stale_version: 'text',
  stale_since: 'timestamptz',
  history_from: 'text',
  history_length: 'integer',
  replaced_fields: 'jsonb',
  visible: 'boolean',
} as const;

type ColumnName = keyof typeof columnTypes;
type Columns = Readonly<Record<ColumnName, string | number | boolean | null>>;

const parameterNames = Object.keys(columnTypes) as ColumnName[];
const columnNames = parameterNames.filter((name) => name !== 'visible');
const changing = columnNames.filter((name) => name !== 'id' && name !== 'code_due_at');

const beginsToWait = `excluded.code_state = 'pending' and accounts.code_state <> 'pending'`;

const saveSql = `
  with saved as (
    select * from unnest(${parameterNames.map((name, i) => `$${i + 1}::${columnTypes[name]}[]`).join(', ')})
      as t (${parameterNames.join(', ')}))
  insert into accounts (${columnNames.join(', ')}, synced_at, changed_at, revision)
  select ${columnNames.join(', ')}, clock_timestamp(), clock_timestamp(), case when visible then 1 else 0 end from saved
  on conflict (id) do update set
    ${changing.map((name) => `${name} = excluded.${name}`).join(', ')},
    code_due_at = case when ${beginsToWait} then excluded.code_due_at else accounts.code_due_at end,
    code_tries = case when ${beginsToWait} then 0 else accounts.code_tries end,
    code_refusals = case when ${beginsToWait} then 0 else accounts.code_refusals end,
    synced_at = excluded.synced_at,
    changed_at = case when excluded.revision > 0 then excluded.changed_at else accounts.changed_at end,
    revision = accounts.revision + excluded.revision`;

type RawRow = {
  readonly id: string;
  readonly fields: FieldTree;
  readonly base_version: string;
  readonly field_versions: Record<string, string>;
  readonly signup_code: string | null;
  readonly code_state: CodeState;
  readonly code_error: CodeError | null;
  readonly code_replaces: readonly string[];
  readonly code_write_base: string | null;
  readonly code_written_at: Date | null;
  readonly stale_version: string | null;
  readonly history_from: string | null;
  readonly history_length: number;
  readonly replaced_fields: readonly string[];
};
