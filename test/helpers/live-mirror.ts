import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import type { Caller, RecordValues, Transaction } from 'salesforce-simulator/org/model.ts';
import type { SimulatorOptions } from 'salesforce-simulator/simulator-options.ts';
import { buildApp } from '../../src/app.ts';
import { type EventInput, encodeEvent, testSchemaId, testSchemaJson } from './change-events.ts';
import { createTestDatabase } from './database.ts';
import { eventually } from './eventually.ts';
import type { RestGate } from './rest-gate.ts';
import { salesforceRest } from './salesforce-rest.ts';
import {
  type ApiAccount,
  type ApiEvent,
  type Page,
  startTidemark,
  type Tidemark,
  type TidemarkOverrides,
} from './tidemark.ts';

/** What a scenario runs against: the service as it is, or a mutant of it. */
export type Build = {
  readonly buildApp: typeof buildApp;
  /** How long something may take to become true. */
  readonly patienceMs: number;
};

/** The service as it is. */
// Far more than anything takes: a wait that is passed says that it never happens, not that the machine is busy.
export const sound: Build = { buildApp, patienceMs: 60_000 };

export type MirrorOptions = {
  /** A door that Tidemark has to go through to Salesforce's REST API, but for signing in. */
  readonly gate?: RestGate;
  readonly build?: Build;
  readonly simulator?: SimulatorOptions;
  readonly tidemark?: TidemarkOverrides;
};

export type ApiIncident = {
  readonly cause: string;
  readonly state: string;
  readonly extent: string;
  readonly accountIds: readonly string[];
  readonly closedAt: string | null;
};

export type ApiResync = {
  readonly reason: string;
  readonly scope: string;
  readonly state: string;
  readonly error: string | null;
};

export type ApiStatus = {
  readonly subscription: {
    readonly state: string;
    readonly lastError: { readonly code: string; readonly class: string; readonly message: string } | null;
    readonly position: string | null;
  };
  readonly backlog: number;
  readonly counts: {
    readonly accounts: { readonly active: number };
    readonly events: Record<string, number>;
  };
};

/** Where an event of one's own goes, and as what. */
export type PublishOptions = {
  readonly topic?: string;
  readonly eventId?: string;
  readonly schemaId?: string;
  readonly replayId?: Uint8Array;
};

const marker = 'Marker';
export const accountTopic = '/data/AccountChangeEvent';

export type LiveMirror = AsyncDisposable & Awaited<ReturnType<typeof openMirror>>;

/**
 * A database, a simulator with five accounts and Tidemark, live: the initial load is done. Made for `await using`.
 */
export async function openMirror({
  build = sound,
  gate,
  simulator: given = {},
  tidemark: overrides,
}: MirrorOptions = {}) {
  const database = await createTestDatabase();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  // The pool ends before its connections do: one may still hear that the database is dropped.
  pool.on('connect', (client) => client.on('error', () => {}));
  const simulator = await startSimulator({ accounts: 5, ...(gate && { publicUrl: gate.url }), ...given });
  gate?.forwardTo(simulator.instanceUrl);
  simulator.bus.registerSchema(testSchemaId, testSchemaJson);
  const salesforce = salesforceRest(simulator);
  const start = (more: TidemarkOverrides = {}): Promise<Tidemark> =>
    startTidemark(database.url, simulator, { buildApp: build.buildApp, ...overrides, ...more });
  let tidemark = await start().catch(async (error: unknown) => {
    await simulator.close();
    await pool.end();
    await database.drop();
    throw error;
  });

  // A start is no part of what a scenario is about: it has its time, however impatient the scenario is.
  let patienceMs = Math.max(build.patienceMs, 60_000);
  const until = <T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> =>
    eventually(what, probe, patienceMs);
  const mirror = {
    database,
    simulator,
    salesforce,
    until,
    get tidemark() {
      return tidemark;
    },
    stop: () => tidemark.stop(),
    /** Starts Tidemark again after a stop, from what is in the database. */
    async startAgain(more: TidemarkOverrides = {}): Promise<void> {
      tidemark = await start(more);
    },
    get: <T>(path: string): Promise<T> => tidemark.get<T>(path),
    account: (id: string): Promise<ApiAccount> => tidemark.get(`/v1/accounts/${id}`),
    /** Undefined where there is none. */
    async accountIfAny(id: string): Promise<ApiAccount | undefined> {
      const answer = await tidemark.request('GET', `/v1/accounts/${id}`);
      return answer.ok ? ((await answer.json()) as ApiAccount) : undefined;
    },
    accountWhen: (id: string, what: string, holds: (account: ApiAccount) => boolean): Promise<ApiAccount> =>
      until(what, async () => {
        const now = await mirror.accountIfAny(id);
        return now !== undefined && holds(now) && now;
      }),
    async events(query: string): Promise<readonly ApiEvent[]> {
      return (await tidemark.get<Page<ApiEvent>>(`/v1/events?limit=200&${query}`)).data;
    },
    /** Events that failed, whether or not they were repaired meanwhile, the newest first. */
    async failedEvents(): Promise<readonly ApiEvent[]> {
      const byId = new Map<string, ApiEvent>();
      // In this order, because an event can be repaired between the reads.
      for (const state of ['failed', 'repaired'])
        for (const event of await mirror.events(`state=${state}`)) byId.set(event.id, event);
      return [...byId.values()].sort((a, b) => Number(b.id) - Number(a.id));
    },
    async incidents(): Promise<readonly ApiIncident[]> {
      return (await tidemark.get<Page<ApiIncident>>('/v1/incidents?limit=200')).data;
    },
    status: (): Promise<ApiStatus> => tidemark.get('/v1/status'),
    async resyncs(): Promise<readonly ApiResync[]> {
      return (await tidemark.get<Page<ApiResync>>('/v1/resyncs?limit=200')).data;
    },
    /** Until every known hole is closed and every reading has ended. */
    healed: (): Promise<true> =>
      until(
        'every incident is closed and every reading has ended',
        async () =>
          (await mirror.incidents()).every(({ state }) => state === 'closed') &&
          (await mirror.resyncs()).every(({ state }) => state === 'done'),
      ),
    /** Waits until all events that are on the bus now are applied: events are applied in order of publication. */
    async settled(): Promise<void> {
      const id = await salesforce.create({ Name: marker });
      await until('all that was published is applied', async () => {
        const [event] = await mirror.events(`recordId=${id}&changeType=CREATE`);
        return event?.state === 'applied';
      });
    },
    /** Until the readings of a first start are done: from then on nothing is read but for a reason. */
    async begun(): Promise<void> {
      const hasPosition = async () => (await mirror.status()).subscription.position !== null;
      // A stream shows that it is open by its first answer, and one from the end misses what came before it.
      await until('the stream is open', async () => {
        await salesforce.create({ Name: marker });
        return eventually('an answer has come', hasPosition, 1_000).catch(() => false as const);
      });
      await mirror.settled();
      await mirror.healed();
    },
    /** Until nothing is left to be written to Salesforce or read from it. */
    worked: (): Promise<true> =>
      until('every job has ended', async () => {
        const [row] = await mirror.sql<{ waiting: number }>(
          `select (select count(*) from pgboss.job
                     where state in ('created', 'retry', 'active') and name in ('re-read', 'resync', 'full-resync'))::int
                  + (select count(*) from accounts where code_state = 'pending' and not deleted)::int as waiting`,
        );
        return row?.waiting === 0;
      }),
    /** Until no code is on its way any more: writing one back is a change too, and comes as one. */
    codesConfirmed: (): Promise<true> =>
      until('every code is confirmed and every change applied', async () => {
        const [row] = await mirror.sql<{ open: number }>(
          `select (select count(*) from accounts where code_state in ('pending', 'written') and not deleted)::int
                + (select count(*) from event_queue)::int as open`,
        );
        return row?.open === 0;
      }),
    ...orgWork(simulator),
    async sql<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]> {
      return (await pool.query<Row>(text, values)).rows;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await tidemark.stop();
      await simulator.close();
      await pool.end();
      await database.drop();
    },
  };
  if (overrides?.waitUntilReady !== false) await mirror.begun().catch(abandon(mirror));
  patienceMs = build.patienceMs;
  return mirror;
}

function abandon(mirror: AsyncDisposable) {
  return async (error: unknown): Promise<never> => {
    await mirror[Symbol.asyncDispose]();
    throw error;
  };
}

/** What happens in the org, past its REST API. */
function orgWork(simulator: Simulator) {
  const caller: Caller = {
    userId: simulator.org.named.admin.id,
    api: 'rest',
    apiVersion: '66.0',
    client: null,
  };
  let published = 0n;
  /** Ids of the accounts that were there from the beginning. */
  const accountIds = (): string[] =>
    [...simulator.org.records()].filter(({ values }) => values['Name'] !== marker).map(({ id }) => id);
  const unused = accountIds();
  return {
    accountIds,
    /** Ids of accounts that were there from the beginning and have not been taken yet. */
    takeAccountIds(count: number): string[] {
      if (unused.length < count)
        throw new Error(`${count} accounts are wanted and ${unused.length} are left`);
      return unused.splice(0, count);
    },
    /** One Salesforce transaction, as it is. */
    inOneTransaction: <T>(work: (tx: Transaction) => T): T => simulator.org.transaction(caller, work),
    /** A change that no event tells of. */
    changeSilently: (id: string, values: RecordValues): void =>
      void simulator.org.transaction(caller, (tx) => tx.update(id, values), 'nothing'),
    silently: <T>(work: (tx: Transaction) => T): T => simulator.org.transaction(caller, work, 'nothing'),
    inGaps: <T>(work: (tx: Transaction) => T): T => simulator.org.transaction(caller, work, 'gaps'),
    /** Publishes an event of the test's own on the bus, committed now by default, and returns its id. */
    publish(event: EventInput, options: PublishOptions = {}): string {
      const { topic = accountTopic, eventId = randomUUID(), schemaId = testSchemaId, replayId } = options;
      const now = Date.now();
      const header = {
        commitTimestamp: BigInt(Math.floor(now / 1000) * 1000),
        // Behind what the org itself commits in this millisecond.
        commitNumber: BigInt(now) * 1_000_000n + 1_000n + published++,
        transactionKey: randomUUID(),
        ...event.header,
      };
      const payload = encodeEvent({ ...event, header });
      simulator.bus.publishRaw(topic, { id: eventId, schemaId, payload, ...(replayId && { replayId }) });
      return eventId;
    },
  };
}
