import type { Merged } from '../apply/merge.ts';
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import { type Queryable, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import type { Entry, KnownState } from './entry.ts';
import type { StateRow } from './insert-late.ts';

export type AccountEntry = { readonly accountId: string; readonly entry: Entry };
export type AccountStateRow = StateRow & { readonly accountId: string; readonly isBase: boolean };

/** Inserts changes; one that exists already, by another copy of its event, is kept. */
export async function insertEntries(client: Queryable, rows: readonly AccountEntry[]): Promise<void> {
  for (const slice of slices(rows)) {
    await client.query({
      name: 'insert-account-changes',
      text: `insert into account_changes (${changeColumns})
             select account_id, commit_ms, commit_number, sequence_number, read_ms, form, written,
                    array(select jsonb_array_elements_text(unread_fields)), gap, change_type, event_id, resync_id
               from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::text[], $7::jsonb[],
                           $8::jsonb[], $9::boolean[], $10::text[], $11::bigint[], $12::uuid[]) as t (${changeColumns})
             on conflict do nothing`,
      values: [
        slice.map(({ accountId }) => accountId),
        ...versionArrays(slice.map(({ entry }) => entry.version)),
        slice.map(({ entry }) => entry.form),
        slice.map(({ entry }) => toJson(entry.written)),
        slice.map(({ entry }) => storableJson([...(entry.readFields ?? entry.unreadFields)])),
        slice.map(({ entry }) => entry.gap),
        slice.map(({ entry }) => entry.origin.changeType),
        slice.map(({ entry }) => entry.origin.eventId),
        slice.map(({ entry }) => entry.origin.resyncId),
      ],
    });
  }
}

const changeColumns = `account_id, commit_ms, commit_number, sequence_number, read_ms, form, written, unread_fields, gap,
                       change_type, event_id, resync_id`;

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

/** Inserts or replaces states. */
export async function saveStates(client: Queryable, rows: readonly AccountStateRow[]): Promise<void> {
  for (const slice of slices(rows)) {
    await client.query({
      name: 'save-account-states',
      text: `insert into account_states (account_id, commit_ms, commit_number, sequence_number, read_ms, state,
                                         base_version, field_versions, stale_version, is_base)
             select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[], $6::jsonb[],
                                  $7::text[], $8::jsonb[], $9::text[], $10::boolean[])
             on conflict (account_id, commit_ms, commit_number, sequence_number, read_ms) do update
               set state = excluded.state, base_version = excluded.base_version,
                   field_versions = excluded.field_versions, stale_version = excluded.stale_version,
                   is_base = account_states.is_base or excluded.is_base`,
      values: [
        slice.map(({ accountId }) => accountId),
        ...versionArrays(slice.map(({ version }) => version)),
        slice.map(({ known }) => toJson(known.merged.values)),
        slice.map(({ known }) => formatVersion(known.merged.baseVersion)),
        slice.map(({ known }) => versionsJson(known.merged)),
        slice.map(({ known: { staleVersion } }) => staleVersion && formatVersion(staleVersion)),
        slice.map(({ isBase }) => isBase),
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

function versionsJson({ fieldVersions }: Merged): string {
  return JSON.stringify(
    Object.fromEntries([...fieldVersions].map(([path, at]) => [path, formatVersion(at)])),
  );
}
