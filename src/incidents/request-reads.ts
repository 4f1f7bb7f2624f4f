import type { AccountChange } from '../apply/apply-changes.ts';
import { laterVersion, parseVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import { type ReportedRecord, saveUnconfirmed } from './unconfirmed-records.ts';

/**
 * What has to be done about records of which only is known that they changed: those that the mirror holds become
 * stale, the others are kept apart and read. Called under the lock of the mirror, so that versions stay as they are.
 *
 * @returns the changes to be merged, and the ids to be read that these changes do not cause to be read
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

/** Only a read that is sent after the report makes the account certain again: it has a later fourth part. */
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

/**
 * The greatest version that the mirror knows of each of these accounts, be it of a value or of a gap. A read that is
 * sent from now on contains it, whatever source told of it.
 */
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
