import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';

/** The fields of the Tooling API's PlatformEventChannelMember and PlatformEventChannel that are needed. */
type Member = { readonly EventChannel: string; readonly SelectedEntity: string };
type Channel = { readonly Id: string; readonly DeveloperName: string };

const maxWaitMs = 30_000;

/**
 * Whether the topic carries changes of Account, by the objects that are selected for its channel. Subscribing does not
 * tell: a channel without Account is a stream on which nothing arrives.
 *
 * @returns null if that cannot be known: the user may not read the selection, or the channel is not in it
 */
export async function selectsAccount(connection: Connection, topic: string): Promise<boolean | null> {
  try {
    const members = await query<Member>(
      connection,
      'SELECT EventChannel, SelectedEntity FROM PlatformEventChannelMember',
    );
    const custom = customName(topic);
    if (custom === undefined) return isSelected(members, ['ChangeEvents']);
    const channels = await query<Channel>(
      connection,
      `SELECT Id, DeveloperName FROM PlatformEventChannel WHERE DeveloperName = '${custom}'`,
    );
    return isSelected(members, [`${custom}__chn`, ...channels.map(({ Id }) => Id)]);
  } catch {
    return null;
  }
}

/** `Name` of `/data/Name__chn`; undefined for the standard channels. */
function customName(topic: string): string | undefined {
  return /^\/data\/(\w+)__chn$/.exec(topic)?.[1];
}

/** Nothing selected at all is no answer: the user may not see what is. */
export function isSelected(members: readonly Member[], channels: readonly string[]): boolean | null {
  const names = new Set(channels.map(keyOf));
  const own = members.filter(({ EventChannel }) => names.has(keyOf(EventChannel)));
  if (own.length === 0) return null;
  return own.some(({ SelectedEntity }) => SelectedEntity === 'AccountChangeEvent');
}

/** Ids have 15 or 18 characters. */
function keyOf(channel: string): string {
  return /^0\w{14}(\w{3})?$/.test(channel) ? channel.slice(0, 15) : channel;
}

// One query has far more rows than an org may have members.
async function query<Row>(connection: Connection, soql: string): Promise<Row[]> {
  const url = `/services/data/v${connection.version}/tooling/query?q=${encodeURIComponent(soql)}`;
  const answer = await restAnswer(connection.request<{ records: Row[] }>(url), maxWaitMs, 'channel members');
  return answer.records;
}
