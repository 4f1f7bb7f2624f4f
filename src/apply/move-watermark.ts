// Hot statements: hand-written.
import type pg from 'pg';
import { readWatermark } from '../ingest/subscription-rows.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import { isAhead } from './event-effect.ts';
import type { EventSource } from './event-rows.ts';
import {
  eventVersion,
  formatVersion,
  laterVersion,
  parseVersion,
  type Version,
  zeroVersion,
} from './version.ts';

/**
 * Advances the watermark: everything up to this version has been applied. Only the stream delivers events in commit
 * order, so only events of the stream count, except those with a commit time ahead of the clock.
 *
 * @param now epoch milliseconds
 * @returns the previous watermark
 */
export async function moveWatermark(
  client: pg.PoolClient,
  { topic, source = 'stream' }: { readonly topic: string; readonly source?: EventSource },
  headers: readonly ChangeEventHeader[],
  now: number,
): Promise<Version> {
  if (source !== 'stream') return readWatermark(client, topic);
  const { rows } = await client.query<{ before: string | null }>({
    name: 'move-watermark',
    text: `with held as (select topic, watermark from subscriptions where topic = $1 for update)
           update subscriptions s
              set watermark = case when ${parts('held.watermark')} > ${parts('$2')} then held.watermark else $2 end
             from held where s.topic = held.topic
           returning held.watermark as before`,
    values: [topic, formatVersion(newestOnTime(headers, now))],
  });
  const text = rows[0]?.before ?? null;
  return text === null ? zeroVersion : parseVersion(text);
}

/** The newest version of events of any object whose commit time is not ahead of the clock. */
export function newestOnTime(headers: readonly ChangeEventHeader[], now: number): Version {
  return headers
    .filter((header) => !isAhead(header, now))
    .map(eventVersion)
    .reduce(laterVersion, zeroVersion);
}

/** A version as an SQL expression that can be compared. */
function parts(version: string): string {
  return `string_to_array(${version}, '.')::numeric[]`;
}
