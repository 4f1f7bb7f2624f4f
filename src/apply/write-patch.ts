// Hot statements: hand-written, with one JSON parameter each.
import { releaseCodes } from '../codes/code-ownership.ts';
import { pairedSlices, type Queryable, sentTogether, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { saveHistory } from '../history/history-rows.ts';
import { accountObject } from '../mirror/load-mirror.ts';
import { changedColumns, displayName, encodeRow, type MirrorTable, quoted } from '../mirror/mirror-table.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import { type AccountRow, groupFieldVersions, type SavedRow } from './account-row.ts';
import { deletedField, type Merged, newestVersion } from './merge.ts';
import type { ChangedRow, Patch, SavedCode } from './plan-patch.ts';
import { formatVersion } from './version.ts';

/**
 * Writes a patch: values of new accounts, changed values of others, records, signup codes that have changed, and history.
 * A new code of a new account is due before all others; that of an older account after the pending ones.
 */
export async function writePatch(client: Queryable, table: MirrorTable, patch: Patch): Promise<void> {
  const { releasing, displaced } = patch;
  // Codes are unique.
  if (releasing.length + displaced.length > 0) await releaseCodes(client, releasing, displaced);
  // Sent at once and without waiting for one another; after an error, PostgreSQL refuses the rest.
  await sentTogether([
    ...[...slices(patch.added)].map((rows) => insertValues(client, table, rows)),
    ...[...slices(patch.changed)].map((rows) => updateValues(client, table, rows)),
    ...saveRecords(client, patch),
    saveHistory(client, patch),
  ]);
}

/** A row of a table as JSON for a statement. */
type JsonRow = Record<string, unknown>;

export function encodeColumns(
  table: MirrorTable,
  { values }: Pick<Merged, 'values'>,
  modifiedAt: number | null,
): Map<string, Scalar> {
  const columns = encodeRow(table, values);
  if (modifiedAt !== null) columns.set('systemmodstamp', new Date(modifiedAt).toISOString());
  return columns;
}

export function toJsonRow(id: string, columns: Iterable<readonly [string, Scalar]>): JsonRow {
  const row: JsonRow = { id };
  for (const [name, value] of columns)
    row[name] = name === 'additional_fields' && typeof value === 'string' ? JSON.parse(value) : value;
  return row;
}

/** The columns with their types, for a record set. */
export function recordSet(table: MirrorTable, names: readonly string[]): string {
  const types = typesOf(table);
  return names.map((name) => `${quoted(name)} ${types.get(name)}`).join(', ');
}

const typeCache = new WeakMap<MirrorTable, ReadonlyMap<string, string>>();

/** The types of all columns besides `id`. */
function typesOf(table: MirrorTable): ReadonlyMap<string, string> {
  const cached = typeCache.get(table);
  if (cached !== undefined) return cached;
  const types = new Map<string, string>([
    ['isdeleted', 'boolean'],
    ['systemmodstamp', 'timestamptz'],
    ['additional_fields', 'jsonb'],
    ...table.columns.map(({ name, type }) => [name, type] as const),
  ]);
  typeCache.set(table, types);
  return types;
}

/** From this number of rows on, only columns with a value are written: as in a load. */
const manyRows = 200;

async function insertValues(client: Queryable, table: MirrorTable, rows: readonly SavedRow[]): Promise<void> {
  const columns = rows.map((row) => [row.id, encodeColumns(table, row.merged, row.modifiedAt)] as const);
  const all = [...typesOf(table).keys()];
  const isMany = rows.length >= manyRows;
  const names = isMany ? [...new Set(columns.flatMap(([, row]) => [...row.keys()]))].sort() : all;
  const list = names.map(quoted).join(', ');
  await client.query({
    ...(isMany ? {} : { name: `insert-accounts-${table.version}` }),
    // A row without a record was written by hand.
    text: `insert into ${table.sql} (id, ${list})
           select id, ${list} from json_to_recordset($1::json) as t (id text, ${recordSet(table, names)})
           on conflict (id) do update set ${all.map((name) => `${quoted(name)} = excluded.${quoted(name)}`).join(', ')}`,
    values: [storableJson(columns.map(([id, row]) => toJsonRow(id, row)))],
  });
}

async function updateValues(
  client: Queryable,
  table: MirrorTable,
  changes: readonly ChangedRow[],
): Promise<void> {
  const rows = changes.flatMap(({ row, before: { stored } }) => {
    const columns = encodeColumns(table, row.merged, row.modifiedAt);
    const changed = changedColumns(stored, columns);
    return changed.size === 0 ? [] : [{ id: row.id, columns, changed }];
  });
  if (rows.length === 0) return;
  // One statement writes the columns that change in any row. An update that changes no indexed value stays heap-only.
  const names = [...new Set(rows.flatMap(({ changed }) => [...changed.keys()]))].sort();
  await client.query({
    text: `update ${table.sql} a set ${names.map((name) => `${quoted(name)} = p.${quoted(name)}`).join(', ')}
             from json_to_recordset($1::json) as p (id text, ${recordSet(table, names)}) where a.id = p.id`,
    values: [
      storableJson(
        rows.map(({ id, columns }) =>
          toJsonRow(
            id,
            names.map((name) => [name, columns.get(name) ?? null] as const),
          ),
        ),
      ),
    ],
  });
}

/** Saves records and signup codes. */
function saveRecords(client: Queryable, { added, changed, codes }: Patch): Promise<unknown>[] {
  const records = [
    ...added.map((row) => recordOf(row, undefined)),
    ...changed.map(({ row, before }) => recordOf(row, before)),
  ];
  return [...pairedSlices(records, codes)].map(([someRecords, someCodes]) =>
    client.query({
      name: 'save-records',
      text: saveRecordsSql,
      values: [storableJson({ records: someRecords, codes: someCodes.map(codeOf) })],
    }),
  );
}

function recordOf(row: SavedRow, before: AccountRow | undefined): JsonRow {
  const { id, merged, staleVersion, visible, historyFrom, historyLength, replaced } = row;
  return {
    record_id: id,
    base_version: formatVersion(merged.baseVersion),
    field_versions: groupFieldVersions(merged.fieldVersions),
    version: formatVersion(newestVersion(merged)),
    stale_version: staleVersion === null ? null : formatVersion(staleVersion),
    stale_since: staleVersion === null ? null : new Date(staleVersion[0]).toISOString(),
    history_from: historyFrom === null ? null : formatVersion(historyFrom),
    history_length: historyLength,
    replaced_fields: [...replaced].sort(),
    visible,
    text_changed: before === undefined || searchedText(before) !== searchedText(row),
  };
}

/** What the searched text of an account is made of; see `update-account-texts.ts`. */
function searchedText({ merged: { values }, code }: AccountRow): string {
  const fields = ['AccountNumber', 'Phone', 'Website', deletedField].map((path) => values.get(path) ?? null);
  return JSON.stringify([displayName(values), code.signupCode, ...fields]);
}

const beginsToWait = `excluded.state = 'pending' and c.state <> 'pending'`;

const saveRecordsSql = `
  with saved as (
    select * from json_to_recordset($1::json -> 'records') as t (record_id text, base_version text, field_versions jsonb,
      version text, stale_version text, stale_since timestamptz, history_from text, history_length integer,
      replaced_fields jsonb, visible boolean, text_changed boolean)
  ), queued as (
    insert into account_text_queue (account_id) select record_id from saved where text_changed
  ), coded as (
    insert into signup_codes as c (account_id, code, state, error, replaces, due_at)
    select account_id, code, state, error, replaces, due_at
      from json_to_recordset($1::json -> 'codes') as t (account_id text, code text, state text, error jsonb,
             replaces jsonb, due_at timestamptz)
    on conflict (account_id) do update set
      code = excluded.code, state = excluded.state, error = excluded.error, replaces = excluded.replaces,
      assigned_at = case when c.code is distinct from excluded.code then now() else c.assigned_at end,
      due_at = case when ${beginsToWait} then excluded.due_at else c.due_at end,
      tries = case when ${beginsToWait} then 0 else c.tries end,
      refusals = case when ${beginsToWait} then 0 else c.refusals end
  )
  insert into records as r (record_id, object, base_version, field_versions, version, stale_version, stale_since,
    history_from, history_length, replaced_fields, synced_at, changed_at, revision)
  select record_id, '${accountObject}', base_version, field_versions, version, stale_version, stale_since,
         history_from, history_length, replaced_fields, clock_timestamp(), clock_timestamp(),
         case when visible then 1 else 0 end
    from saved
  on conflict (record_id) do update set
    base_version = excluded.base_version, field_versions = excluded.field_versions,
    version = excluded.version, stale_version = excluded.stale_version, stale_since = excluded.stale_since,
    history_from = excluded.history_from, history_length = excluded.history_length,
    replaced_fields = excluded.replaced_fields, synced_at = excluded.synced_at,
    changed_at = case when excluded.revision > 0 then excluded.changed_at else r.changed_at end,
    revision = r.revision + excluded.revision`;

function codeOf({ row: { id, code }, isFirst }: SavedCode): JsonRow {
  return {
    account_id: id,
    code: code.signupCode,
    state: code.state,
    error: code.error,
    replaces: code.replaces ?? [],
    due_at: isFirst ? 'epoch' : 'now',
  };
}
