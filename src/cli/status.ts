import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Static } from 'typebox';
import type { StatusSchema } from '../http/schemas/status.ts';
import { UnreachableError } from './api.ts';
import type { Run } from './command.ts';
import { describeWaiting, duration } from './describe-progress.ts';
import { statusExitCodes } from './exit.ts';
import { formatTime, parseCount } from './list.ts';
import { type Output, toPrintable } from './output.ts';
import { formatTable, type Row } from './table.ts';

type Status = Static<typeof StatusSchema>;
type StatusOptions = { readonly json?: boolean; readonly watch?: number | true };

const defaultWatchSeconds = 2;

export function addStatusCommand(program: Command, run: Run): void {
  program
    .command('status')
    .description('show whether the mirror is healthy, since when it is not, why, and what to do')
    .option('--watch [seconds]', 'refresh in place, every 2 seconds by default', parseCount)
    .option('--json', 'print the status as JSON')
    .action(({ json, watch }: StatusOptions) =>
      run(async ({ api, out }) => {
        const readStatus = async () => (await api.send<Status>('GET', '/v1/status')).body;
        if (watch !== undefined) {
          const seconds = watch === true ? defaultWatchSeconds : watch;
          return watchStatus(out, readStatus, json === true, seconds * 1_000);
        }
        const status = await readStatus();
        if (json === true) out.printJson(status);
        else out.print(describeStatus(out, status, Date.now()));
        return statusExitCodes[status.health];
      }),
    );
}

/** Shows the status until the process is stopped. As JSON, each status is one line. */
async function watchStatus(
  out: Output,
  readStatus: () => Promise<Status>,
  isJson: boolean,
  intervalMs: number,
): Promise<never> {
  for (;;) {
    try {
      const status = await readStatus();
      if (isJson) out.print(JSON.stringify(status));
      else out.redraw(`${formatTime(new Date().toISOString())}\n${describeStatus(out, status, Date.now())}`);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (isJson) out.note(error.message);
      else out.redraw(out.paint('red', `Unknown: ${toPrintable(error.message)}`));
    }
    await pause(intervalMs);
  }
}

/** The verdict, then the details. @param now epoch milliseconds */
export function describeStatus(out: Output, status: Status, now: number): string {
  const { subscription, backlog, counts, writeBack, lastVerification, resyncs, lastErrors } = status;
  const { accounts, incidents, events } = counts;
  const { pending, written, confirmed, failed } = accounts.byCodeState;
  const rows: Row[] = [
    ...status.reasons.slice(1).map((reason) => ['Also', describeReason(reason, now).trimStart()]),
    ['Stream', `${subscription.state}${since(subscription.stateSince, now)}`],
    ['Lag', `${describeLag(status)}, ${backlog} ${backlog === 1 ? 'event' : 'events'} waiting`],
    ['Accounts', `${accounts.active} active, ${accounts.deleted} deleted, ${accounts.stale} stale`],
    ['Codes', `${confirmed} confirmed, ${written} written, ${pending} pending, ${failed} failed`],
    ...describeHold(writeBack, now),
    ...writeBack.failures.map((cause) => ['', describeFailures(cause)]),
    ['Incidents', `${incidents.open} open, ${incidents.repairing} being repaired`],
    ['Last verification', describeVerification(lastVerification, now)],
    ...describeFields(status, now),
    ...resyncs.map((resync) => ['Resync', describeResync(resync)]),
    ['Errors', `${events.failed} ${events.failed === 1 ? 'event' : 'events'} failed`],
    ...lastErrors.map(({ id, error }) => ['', `event ${id}: ${error ?? 'no reason'}`]),
  ];
  return `${describeVerdict(out, status, now)}\n\n${formatTable(out, rows)}`;
}

const healthColors = { healthy: 'green', degraded: 'yellow', down: 'red' } as const;

/** The health in one sentence: since when, why, and what to do. */
function describeVerdict(out: Output, status: Status, now: number): string {
  const { health, reasons } = status;
  const [reason] = reasons;
  const word = out.paint(healthColors[health], `${health[0]?.toUpperCase()}${health.slice(1)}`);
  if (reason === undefined) return `${word}: the mirror is current.`;
  return `${word}${toPrintable(describeReason(reason, now))}`;
}

function describeReason(
  { code, message, since: at, action }: Status['reasons'][number],
  now: number,
): string {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  return `${since(at, now)} (${code}): ${sentence} ${action}`;
}

/** The time since the mirror was last current. */
function describeLag({ lagMilliseconds, reasons, subscription }: Status): string {
  if (lagMilliseconds !== null) return duration(lagMilliseconds / 1000);
  if (subscription.loadedAt === null) return 'unknown until the initial load is complete';
  const [reason] = reasons;
  return `unknown until ${reason === undefined ? 'the stream has been open for ten seconds' : `${reason.code} is resolved`}`;
}

/** Why the write-back is waiting or paused; empty if it is not. */
function describeHold({ state, since: at, reason }: Status['writeBack'], now: number): Row[] {
  if (state !== 'waiting' && state !== 'paused') return [];
  return [['', `${state}${since(at, now)}: ${reason?.message ?? 'no reason'}`]];
}

/** The fields that events do not keep current; empty if there are none. */
function describeFields({ calculatedFields, unreadableFields }: Status, now: number): Row[] {
  const { names, refreshedAt } = calculatedFields;
  const read = refreshedAt === null ? 'not read yet' : `read${since(refreshedAt, now, ' ', ' ago')}`;
  return [
    ...(names.length === 0 ? [] : [['Calculated fields', `${names.join(', ')} (${read})`]]),
    ...unreadableFields.map(({ name, since: at }) => [
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
  if (verification === null) return 'never; compare with: tidemark resync --all --mode verify';
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
