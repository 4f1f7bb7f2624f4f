import type { Connection } from 'jsforce';
import { type Static, type TObject, Type } from 'typebox';
import { querySoql } from './rest-call.ts';

/** The fields of the Tooling API's PlatformEventChannelMember and PlatformEventChannel that are needed. */
const member = Type.Object({ EventChannel: Type.String(), SelectedEntity: Type.String() });
const channel = Type.Object({ Id: Type.String(), DeveloperName: Type.String() });
type Member = Static<typeof member>;

/**
 * Reads which change events the channel of a topic selects. Without those of Account a subscription succeeds, but receives
 * nothing.
 *
 * @returns null if that is unknown: the user cannot read the selection, or it does not contain the channel
 */
export async function readSelectedEvents(
  connection: Connection,
  topic: string,
): Promise<ReadonlySet<string> | null> {
  try {
    const members = await query(
      connection,
      member,
      'SELECT EventChannel, SelectedEntity FROM PlatformEventChannelMember',
    );
    const custom = customName(topic);
    if (custom === undefined) return selectedEvents(members, ['ChangeEvents']);
    const channels = await query(
      connection,
      channel,
      `SELECT Id, DeveloperName FROM PlatformEventChannel WHERE DeveloperName = '${custom}'`,
    );
    return selectedEvents(members, [`${custom}__chn`, ...channels.map(({ Id }) => Id)]);
  } catch {
    return null;
  }
}

/** `Name` of `/data/Name__chn`; undefined for the standard channels. */
function customName(topic: string): string | undefined {
  return /^\/data\/(\w+)__chn$/.exec(topic)?.[1];
}

/** Null if no member is visible: the user may not see them. */
export function selectedEvents(
  members: readonly Member[],
  channels: readonly string[],
): ReadonlySet<string> | null {
  const names = new Set(channels.map(keyOf));
  const own = members.filter(({ EventChannel }) => names.has(keyOf(EventChannel)));
  return own.length === 0 ? null : new Set(own.map(({ SelectedEntity }) => SelectedEntity));
}

/** Ids have 15 or 18 characters. */
function keyOf(channel: string): string {
  return /^0\w{14}(\w{3})?$/.test(channel) ? channel.slice(0, 15) : channel;
}

/** One page has more rows than an org may have members. */
async function query<Row extends TObject>(
  connection: Connection,
  row: Row,
  soql: string,
): Promise<Static<Row>[]> {
  const resource = `/services/data/v${connection.version}/tooling/query`;
  const shape = Type.Object({ records: Type.Array(row) });
  return (await querySoql(connection, soql, { shape, resource, timeoutMs: 30_000 })).records;
}
