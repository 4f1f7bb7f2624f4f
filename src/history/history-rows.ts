// Hot statements: hand-written.
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import { pairedSlices, type Queryable, sentTogether, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import type { Entry, KnownState } from './entry.ts';
import type { StateRow } from './insert-late.ts';

export type AccountEntry = { readonly accountId: string; readonly entry: Entry };
export type AccountStateRow = StateRow & { readonly accountId: string; readonly isBase: boolean };

/** History entries and states to save. */
export type SavedHistory = {
  readonly entries: readonly AccountEntry[];
  readonly states: readonly AccountStateRow[];
};

/**
 * Inserts entries, and inserts or replaces states. An entry that exists already, by another copy of its event, is kept.
 */
export async function saveHistory(client: Queryable, { entries, states }: SavedHistory): Promise<void> {
  await sentTogether(
    [...pairedSlices(entries, states)].map(([someEntries, someStates]) =>
      client.query({
        name: 'save-history',
        text: saveHistorySql,
        values: [storableJson({ entries: someEntries.map(entryRow), states: someStates.map(stateRow) })],
      }),
    ),
  );
}

const saveHistorySql = `
  with states as (
    insert into account_states (account_id, commit_ms, commit_number, sequence_number, read_ms, state, base_version,
                                field_versions, stale_version, is_base)
    select * from json_to_recordset($1::json -> 'states')
             as t (account_id text, commit_ms bigint, commit_number bigint, sequence_number int, read_ms bigint, state jsonb,
                   base_version text, field_versions jsonb, stale_version text, is_base boolean)
    on conflict (account_id, commit_ms, commit_number, sequence_number, read_ms) do update
      set state = excluded.state, base_version = excluded.base_version, field_versions = excluded.field_versions,
          stale_version = excluded.stale_version, is_base = account_states.is_base or excluded.is_base)
  insert into account_changes (account_id, commit_ms, commit_number, sequence_number, read_ms, form, written,
                               unread_fields, gap, change_type, event_id, resync_id)
  select * from json_to_recordset($1::json -> 'entries')
           as t (account_id text, commit_ms bigint, commit_number bigint, sequence_number int, read_ms bigint, form text,
                 written jsonb, unread_fields text[], gap boolean, change_type text, event_id bigint, resync_id uuid)
  on conflict do nothing`;

function entryRow({ accountId, entry }: AccountEntry): object {
  const { version, form, written, readFields, unreadFields, gap, origin } = entry;
  return {
    account_id: accountId,
    ...versionColumns(version),
    form,
    written: Object.fromEntries(written),
    unread_fields: [...(readFields ?? unreadFields)],
    gap,
    change_type: origin.changeType,
    event_id: origin.eventId?.toString() ?? null,
    resync_id: origin.resyncId,
  };
}

function stateRow({ accountId, version, known: { merged, staleVersion }, isBase }: AccountStateRow): object {
  return {
    account_id: accountId,
    ...versionColumns(version),
    state: Object.fromEntries(merged.values),
    base_version: formatVersion(merged.baseVersion),
    field_versions: Object.fromEntries(
      [...merged.fieldVersions].map(([path, at]) => [path, formatVersion(at)]),
    ),
    stale_version: staleVersion && formatVersion(staleVersion),
    is_base: isBase,
  };
}

function versionColumns([commitMs, commitNumber, sequenceNumber, readMs]: Version): object {
  return {
    commit_ms: commitMs,
    commit_number: commitNumber.toString(),
    sequence_number: sequenceNumber,
    read_ms: readMs,
  };
}

/** Updates what reads changed, after a late change was inserted before them. */
export async function rewriteEntries(client: Queryable, rows: readonly AccountEntry[]): Promise<void> {
  for (const slice of slices(rows)) {
    await client.query({
      name: 'rewrite-account-changes',
      text: `update account_changes c set written = t.written
               from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::jsonb[])
                 as t (account_id, commit_ms, commit_number, sequence_number, read_ms, written)
              where c.account_id = t.account_id and c.commit_ms = t.commit_ms and c.commit_number = t.commit_number
                and c.sequence_number = t.sequence_number and c.read_ms = t.read_ms`,
      values: [
        slice.map(({ accountId }) => accountId),
        ...versionArrays(slice.map(({ entry }) => entry.version)),
        slice.map(({ entry }) => toJson(entry.written)),
      ],
    });
  }
}

/** The four parts of versions, as arrays for one statement. */
export function versionArrays(versions: readonly Version[]): unknown[][] {
  return [0, 1, 2, 3].map((part) => versions.map((version) => version[part]));
}

/** The columns of a version, for comparing: `versionTuple('c')`. */
export function versionTuple(table: string): string {
  return `(${table}.commit_ms, ${table}.commit_number, ${table}.sequence_number, ${table}.read_ms)`;
}

/** A change as one JSON array, so that many come in one row. Numbers beyond 2^53 as text. */
export function entryJson(table: string): string {
  const t = table;
  return `json_build_array(${t}.commit_ms, ${t}.commit_number::text, ${t}.sequence_number, ${t}.read_ms, ${t}.form,
                           ${t}.written, ${t}.unread_fields, ${t}.gap, ${t}.change_type, ${t}.event_id::text, ${t}.resync_id)`;
}

export type RawEntry = readonly [
  commitMs: number,
  commitNumber: string,
  sequenceNumber: number,
  readMs: number,
  form: Entry['form'],
  written: Readonly<Record<string, Scalar>>,
  unread: readonly string[],
  gap: boolean,
  changeType: string | null,
  eventId: string | null,
  resyncId: string | null,
];

export function toEntry(raw: RawEntry): Entry {
  const [ms, number, sequence, readMs, form, written, unread, gap, changeType, eventId, resyncId] = raw;
  return {
    version: [ms, BigInt(number), sequence, readMs],
    form,
    written: new Map(Object.entries(written)),
    unreadFields: new Set(form === 'fields' ? [] : unread),
    ...(form === 'fields' && { readFields: new Set(unread) }),
    gap,
    origin: { changeType, eventId: eventId === null ? null : BigInt(eventId), resyncId },
  };
}

/** A state as one JSON array. */
export function stateJson(table: string): string {
  const t = table;
  return `json_build_array(${t}.commit_ms, ${t}.commit_number::text, ${t}.sequence_number, ${t}.read_ms, ${t}.state,
                           ${t}.base_version, ${t}.field_versions, ${t}.stale_version, ${t}.is_base)`;
}

export type RawState = readonly [
  commitMs: number,
  commitNumber: string,
  sequenceNumber: number,
  readMs: number,
  state: Readonly<Record<string, Scalar>>,
  baseVersion: string,
  fieldVersions: Readonly<Record<string, string>>,
  staleVersion: string | null,
  isBase: boolean,
];

export function toStateRow(raw: RawState): StateRow & { readonly isBase: boolean } {
  const [ms, number, sequence, readMs, state, base, versions, stale, isBase] = raw;
  const merged = {
    values: new Map(Object.entries(state)),
    baseVersion: parseVersion(base),
    fieldVersions: new Map(Object.entries(versions).map(([path, text]) => [path, parseVersion(text)])),
  };
  const known: KnownState = { merged, staleVersion: stale === null ? null : parseVersion(stale) };
  return { version: [ms, BigInt(number), sequence, readMs], known, isBase };
}

function toJson(values: FieldValues): string {
  return storableJson(Object.fromEntries(values));
}
