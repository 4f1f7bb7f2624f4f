import type { AccountChange } from '../apply/plan-patch.ts';
import { laterVersion, parseVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import { type ReportedRecord, saveUnconfirmed } from './unconfirmed-records.ts';

/**
 * Requests reads of records that were reported as changed without values: known accounts become stale, other ids are
 * saved as unconfirmed. The caller holds the account write lock, so that versions do not change.
 *
 * @returns the changes to merge, and the unknown ids to read
 */
export async function requestReads(
  client: Queryable,
  topic: string,
  records: readonly ReportedRecord[],
): Promise<{ readonly changes: readonly AccountChange[]; readonly unknownIds: readonly string[] }> {
  if (records.length === 0) return { changes: [], unknownIds: [] };
  const watermark = await readWatermark(client, topic);
  const known = await readKnownVersions(
    client,
    records.map(({ id }) => id),
  );
  const unknown = records.filter(({ id }) => !known.has(id));
  await saveUnconfirmed(client, unknown);
  const changes = records.flatMap((record) => {
    const version = known.get(record.id);
    return version === undefined ? [] : [toStale(record, laterVersion(watermark, version))];
  });
  return { changes, unknownIds: [...new Set(unknown.map(({ id }) => id))] };
}

/** The version requires a read that is sent after the report. */
function toStale({ id, reportedAt }: ReportedRecord, known: Version): AccountChange {
  const [time, commit, sequence, readAt] = known;
  const version: Version = [time, commit, sequence, Math.max(readAt + 1, reportedAt)];
  return {
    accountId: id,
    change: { version, kind: 'patch', values: new Map() },
    eligible: false,
    gap: true,
  };
}

/** Reads the newest version of each account, of a value or of a gap. A read that is sent later contains it. */
export async function readKnownVersions(
  client: Queryable,
  ids: readonly string[],
): Promise<Map<string, Version>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; version: string; stale: string | null }>({
    name: 'read-known-versions',
    text: 'select id, version, stale_version as stale from accounts where id = any($1::text[])',
    values: [ids],
  });
  return new Map(
    rows.map(({ id, version, stale }) => {
      const newest = parseVersion(version);
      return [id, stale === null ? newest : laterVersion(newest, parseVersion(stale))];
    }),
  );
}
