import type { Static } from 'typebox';
import type { StatusSchema } from '../http/schemas/status.ts';
import type { Api } from './api.ts';
import { describeWaiting, duration } from './describe-progress.ts';
import { exitCodes } from './exit.ts';

type Status = Static<typeof StatusSchema>;

export async function status(api: Api, { json }: { readonly json?: boolean }): Promise<number> {
  const { body } = await api.send<Status>('GET', '/v1/status');
  process.stdout.write(
    `${json === true ? JSON.stringify(body, null, 2) : describeStatus(body, Date.now())}\n`,
  );
  return body.health === 'down' ? exitCodes.down : exitCodes.done;
}

/** @param now epoch milliseconds */
export function describeStatus(status: Status, now: number): string {
  const { subscription, backlog, counts, writeBack, lastVerification, resyncs, lastErrors } = status;
  const { accounts, incidents, events } = counts;
  const { pending, written, confirmed, failed } = accounts.byCodeState;
  const rows: [string, string][] = [
    ...describeHealth(status, now),
    ['Stream', `${subscription.state}${since(subscription.stateSince, now)}`],
    ['Lag', `${describeLag(status)}, ${backlog} ${backlog === 1 ? 'event' : 'events'} waiting`],
    ['Accounts', `${accounts.active} active, ${accounts.deleted} deleted, ${accounts.stale} stale`],
    ['Codes', `${confirmed} confirmed, ${written} written, ${pending} pending, ${failed} failed`],
    ...describeHold(writeBack, now),
    ...writeBack.failures.map((cause): [string, string] => ['', describeFailures(cause)]),
    ['Incidents', `${incidents.open} open, ${incidents.repairing} being repaired`],
    ['Last verification', describeVerification(lastVerification, now)],
    ...describeFields(status, now),
    ...resyncs.map((resync): [string, string] => ['Resync', describeResync(resync)]),
    ['Errors', `${events.failed} ${events.failed === 1 ? 'event' : 'events'} failed`],
    ...lastErrors.map(({ id, error }): [string, string] => ['', `event ${id}: ${error ?? 'no reason'}`]),
  ];
  const nameWidth = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => `${name.padEnd(nameWidth)}${text}`).join('\n');
}

/** The health, then each reason with its age and remedy. */
function describeHealth({ health, reasons }: Status, now: number): [string, string][] {
  return [
    ['Health', health],
    ...reasons.flatMap(({ code, message, since: at, action }): [string, string][] => [
      ['', `${code}${since(at, now)}: ${message}`],
      ...(action === '' ? [] : [['', `  ${action}`] as [string, string]]),
    ]),
  ];
}

/** The time since the mirror was last current. */
function describeLag({ lagMilliseconds, reasons, subscription }: Status): string {
  if (lagMilliseconds !== null) return duration(lagMilliseconds / 1000);
  if (subscription.loadedAt === null) return 'unknown until the initial load is complete';
  const [reason] = reasons;
  return `unknown until ${reason === undefined ? 'the stream has been open for ten seconds' : `${reason.code} is resolved`}`;
}

/** Why the write-back is waiting or paused; empty if it is not. */
function describeHold({ state, since: at, reason }: Status['writeBack'], now: number): [string, string][] {
  if (state !== 'waiting' && state !== 'paused') return [];
  return [['', `${state}${since(at, now)}: ${reason?.message ?? 'no reason'}`]];
}

/** The fields that events do not keep current; empty if there are none. */
function describeFields({ calculatedFields, unreadableFields }: Status, now: number): [string, string][] {
  const { names, refreshedAt } = calculatedFields;
  const read = refreshedAt === null ? 'not read yet' : `read${since(refreshedAt, now, ' ', ' ago')}`;
  return [
    ...(names.length === 0
      ? []
      : [['Calculated fields', `${names.join(', ')} (${read})`] as [string, string]]),
    ...unreadableFields.map(({ name, since: at }): [string, string] => [
      'Unreadable field',
      `${name}${since(at, now)}; its values are kept`,
    ]),
  ];
}

// Messages of triggers contain a stack trace.
const maxMessageLength = 160;

function describeFailures({ code, count, message }: Status['writeBack']['failures'][number]): string {
  const line = message.replace(/\s+/g, ' ').trim();
  const text = line.length > maxMessageLength ? `${line.slice(0, maxMessageLength)}…` : line;
  return `${count} failed with ${code}: ${text}`;
}

function describeVerification(verification: Status['lastVerification'], now: number): string {
  if (verification === null) return 'never; compare with: npx tidemark resync --all --mode verify';
  const { mode, compared, different, repaired, at } = verification;
  const some = `${different} of ${compared} differed${repaired ? ' and were repaired' : ''}`;
  const none = mode === 'sample' ? 'no difference found' : `all ${compared} compared were equal`;
  const found = different === 0 ? none : some;
  return `${found} (${mode}${since(at, now, ' ', ' ago')})`;
}

function describeResync({
  id,
  scope,
  mode,
  state,
  read,
  percent,
  waiting,
}: Status['resyncs'][number]): string {
  const hold = describeWaiting(waiting);
  const progress = percent === null ? `${read} read` : `${percent}%`;
  return `${mode} of ${scope}, ${state}, ${progress}${hold === '' ? '' : `, ${hold}`} (${id})`;
}

function since(time: string | null, now: number, before = ' for ', after = ''): string {
  return time === null ? '' : `${before}${duration((now - Date.parse(time)) / 1000)}${after}`;
}
