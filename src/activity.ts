import { Counter, Histogram, Registry } from 'prom-client';
import { codeTraceId, isTracing, recordSpan } from './tracing.ts';

/** Counters of one process since its start; other processes on the same database have their own. */
export type Activity = {
  readonly registry: Registry;
  /** Events whose outcome is committed. */
  readonly events: Counter<'outcome'>;
  /** Results of attempts to write a code to Salesforce. */
  readonly codes: Counter<'outcome'>;
  /** Seconds from the assignment of a code to its confirmation. */
  readonly codeLatency: Histogram;
  readonly connectionErrors: Counter<'target' | 'class'>;
};

/** - `retried`: refused, and sent again */
export type CodeAttemptOutcome = 'written' | 'retried' | 'failed';
export type EventOutcomeLabel = 'applied' | 'skipped' | 'failed';
/** - `stream`: the Pub/Sub API, `rest`: the REST and Bulk APIs, `sign-in`: the token endpoint */
export type ConnectionTarget = 'stream' | 'rest' | 'sign-in' | 'database';

/** A code that Salesforce has confirmed. */
export type ConfirmedCode = {
  readonly accountId: string;
  readonly code: string;
  /** Epoch milliseconds. */
  readonly assignedAt: number;
};

const eventOutcomes: readonly EventOutcomeLabel[] = ['applied', 'skipped', 'failed'];
const codeOutcomes: readonly CodeAttemptOutcome[] = ['written', 'retried', 'failed'];
const targets: readonly ConnectionTarget[] = ['stream', 'rest', 'sign-in', 'database'];

export function createActivity(): Activity {
  const registry = new Registry();
  const registers = [registry];
  const activity = {
    registry,
    events: new Counter({
      name: 'tidemark_events_total',
      help: 'Events that this process has processed, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    codes: new Counter({
      name: 'tidemark_codes_total',
      help: 'Results of attempts of this process to write a signup code to Salesforce, by outcome.',
      labelNames: ['outcome'],
      registers,
    }),
    codeLatency: new Histogram({
      name: 'tidemark_code_latency_seconds',
      help: 'Time from the assignment of a signup code to its confirmation by Salesforce.',
      buckets: [0.5, 1, 2, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400],
      registers,
    }),
    connectionErrors: new Counter({
      name: 'tidemark_connection_errors_total',
      help: 'Failures of connections to Salesforce and to the database, by target and class.',
      labelNames: ['target', 'class'],
      registers,
    }),
  } as const satisfies Activity;
  // A series must exist before its first increment, or rate() misses that increment.
  for (const outcome of eventOutcomes) activity.events.inc({ outcome }, 0);
  for (const outcome of codeOutcomes) activity.codes.inc({ outcome }, 0);
  for (const target of targets)
    activity.connectionErrors.inc({ target, class: target === 'database' ? 'unreachable' : 'transient' }, 0);
  return activity;
}

/** Counts events by outcome, after the commit of their transaction. */
export function countEvents(
  { events }: Activity,
  outcomes: readonly { readonly state: EventOutcomeLabel }[],
): void {
  for (const [outcome, same] of Map.groupBy(outcomes, ({ state }) => state))
    events.inc({ outcome }, same.length);
}

/** Counts the results of attempts, after the commit of their transaction. */
export function countCodes(
  { codes }: Activity,
  outcomes: readonly { readonly state: 'written' | 'pending' | 'failed' }[],
): void {
  for (const { state } of outcomes) codes.inc({ outcome: state === 'pending' ? 'retried' : state });
}

/** Measures and traces codes that became confirmed, after the commit of their transaction. */
export function measureConfirmed({ codeLatency }: Activity, confirmed: readonly ConfirmedCode[]): void {
  const now = Date.now();
  for (const { assignedAt } of confirmed) codeLatency.observe(Math.max(0, now - assignedAt) / 1_000);
  if (!isTracing()) return;
  for (const { accountId, code, assignedAt } of confirmed)
    recordSpan(codeTraceId(accountId, code), 'signup code', [Math.min(assignedAt, now), now], {
      attributes: { 'tidemark.account.id': accountId },
    });
}

/** @param failureClass the class of a SalesforceError, or the code of a database fault */
export function countConnectionError(
  { connectionErrors }: Activity,
  target: ConnectionTarget,
  failureClass: string,
): void {
  connectionErrors.inc({ target, class: failureClass.replace(/^database-/, '') });
}

/** The totals of a process. */
export type ActivityTotals = Readonly<
  Record<'events' | 'failedEvents' | 'codes' | 'failedCodes' | 'connectionErrors', number>
>;

/** Reads the counters: processed and failed events, written and failed codes, connection errors. */
export async function readTotals({ events, codes, connectionErrors }: Activity): Promise<ActivityTotals> {
  const sum = async (counter: Counter, outcome?: string): Promise<number> =>
    (await counter.get()).values
      .filter(({ labels }) => outcome === undefined || labels['outcome'] === outcome)
      .reduce((total, { value }) => total + value, 0);
  return {
    events: await sum(events),
    failedEvents: await sum(events, 'failed'),
    codes: await sum(codes, 'written'),
    failedCodes: await sum(codes, 'failed'),
    connectionErrors: await sum(connectionErrors),
  };
}
