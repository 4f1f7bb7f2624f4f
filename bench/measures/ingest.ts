import { fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { advisoryLocks } from '../../src/db/advisory-locks.ts';
import { cpuShares } from '../cpu.ts';
import { type BenchOrg, startOrg } from '../org.ts';
import { type BenchDatabase, loaded, median, type World } from '../world.ts';
import { backlogRate } from './backlog-rate.ts';
import type { Measure, Result } from './measure.ts';

/** Storing alone, and the whole way, against a raw insert of the same bytes and the obvious implementation. */
export const ingest: Measure = {
  name: 'ingest',
  async run(world, { quick, rounds: wanted }) {
    const sizes = quick
      ? { rounds: 1, warm: 500, events: 4_000, obvious: 1_000 }
      : { rounds: 5, warm: 5_000, events: 30_000, obvious: 6_000 };
    const rounds: Round[] = [];
    for (let n = 0; n < (wanted ?? sizes.rounds); n++) rounds.push(await oneRound(world, sizes));
    return table(rounds);
  },
};

type Sizes = { readonly warm: number; readonly events: number; readonly obvious: number };

/** Events a second, and the cores that were busy meanwhile. */
type Round = {
  readonly store: number;
  readonly raw: number;
  readonly pipeline: number;
  readonly obvious: number;
  readonly storeCpu: Record<string, number>;
  readonly pipelineCpu: Record<string, number>;
  readonly obviousCpu: Record<string, number>;
};

async function oneRound(world: World, sizes: Sizes): Promise<Round> {
  const store = await withOrg((org) => following(world, org, sizes, 'store'));
  const pipeline = await withOrg((org) => following(world, org, sizes, 'apply'));
  const obvious = await withOrg((org) => theObvious(world, org, sizes));
  return {
    store: store.rate,
    raw: store.raw,
    pipeline: pipeline.rate,
    obvious: obvious.rate,
    storeCpu: store.shares,
    pipelineCpu: pipeline.shares,
    obviousCpu: obvious.shares,
  };
}

export async function withOrg<T>(work: (org: BenchOrg) => Promise<T>): Promise<T> {
  const org = await startOrg(0);
  try {
    return await work(org);
  } finally {
    await org.close();
  }
}

async function following(
  world: World,
  org: BenchOrg,
  { warm, events }: Pick<Sizes, 'warm' | 'events'>,
  what: 'store' | 'apply',
): Promise<{ rate: number; raw: number; shares: Record<string, number> }> {
  const database = await world.createDatabase();
  const service = await world.startService(database.url, org);
  await database.until(loaded, 1);
  const holder = await database.pool.connect();
  // Events are stored, but none is applied.
  if (what === 'store') await holder.query(`select pg_advisory_lock(${advisoryLocks.accountWrites})`);
  const pids = { service: service.pid, org: org.pid, postgres: world.postgres.pid };
  const { rate, shares } = await backlogRate(database, org, what, { warm, events }, pids);
  if (what === 'store') await holder.query(`select pg_advisory_unlock(${advisoryLocks.accountWrites})`);
  holder.release();
  await service.stop();
  const raw = what === 'store' ? await rawInsert(database, warm) : 0;
  await database.drop();
  return { rate, raw, shares };
}

/** The same bytes into a table without an index but its key, a hundred at a time, one commit each. */
async function rawInsert(database: BenchDatabase, from: number): Promise<number> {
  const events = await database.rows<
    Record<'event_id' | 'schema_id', string> & Record<'replay_id' | 'payload', Buffer>
  >('select event_id, schema_id, replay_id, payload from events order by id offset $1', [from]);
  await database.rows(
    'create table raw_events (id bigserial primary key, event_id text, schema_id text, replay_id bytea, payload bytea)',
  );
  const client = await database.pool.connect();
  const insert = async (some: typeof events): Promise<void> => {
    await client.query({
      name: 'raw-insert',
      text: `insert into raw_events (event_id, schema_id, replay_id, payload)
             select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[])`,
      values: [
        some.map((event) => event.event_id),
        some.map((event) => event.schema_id),
        some.map((event) => event.replay_id),
        some.map((event) => event.payload),
      ],
    });
  };
  for (let n = 0; n < 20; n++) await insert(events.slice(0, 100));
  const begin = performance.now();
  for (let n = 0; n < events.length; n += 100) await insert(events.slice(n, n + 100));
  const seconds = (performance.now() - begin) / 1000;
  client.release();
  return events.length / seconds;
}

/** `obvious.ts` in a process of its own, from the oldest event on. */
async function theObvious(
  world: World,
  org: BenchOrg,
  { obvious }: Sizes,
): Promise<{ rate: number; shares: Record<string, number> }> {
  const database = await world.createDatabase();
  const migrating = await world.startService(database.url, org, { ROLES: 'api' });
  await database.until("select count(*) from information_schema.tables where table_name = 'accounts'", 1);
  await pause(500);
  await migrating.stop();
  const warm = Math.floor(obvious / 6);
  await org.produce(warm + obvious);
  const child = fork(fileURLToPath(new URL('../obvious.ts', import.meta.url)), {
    env: {
      ...process.env,
      DATABASE_URL: database.url,
      PUBSUB_ENDPOINT: org.pubsubEndpoint,
      LOGIN_URL: org.instanceUrl,
      CLIENT_ID: org.clientId,
      CLIENT_SECRET: org.clientSecret,
      EVENTS: String(obvious + warm),
      WARM: String(warm),
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const { result, shares } = await cpuShares(
    { obvious: child.pid ?? 0, org: org.pid, postgres: world.postgres.pid },
    () =>
      new Promise<{ rate: number }>((resolve, reject) => {
        child.once('message', (message) => resolve(message as { rate: number }));
        child.once('exit', () => reject(new Error('the obvious implementation ended')));
      }),
  );
  child.kill();
  await database.drop();
  return { rate: result.rate, shares };
}

function table(rounds: readonly Round[]): Result[] {
  const perSecond = (pick: (round: Round) => number, of: string): string =>
    `${Math.round(median(rounds.map(pick))).toLocaleString('en')} ${of}`;
  const ratio = (over: (round: Round) => number, under: (round: Round) => number) => {
    const each = rounds.map((round) => over(round) / under(round));
    return { figure: median(each), rounds: each, unit: '×' } as const;
  };
  const middle = rounds[Math.floor((rounds.length - 1) / 2)];
  return [
    {
      what: 'stream → durable event rows',
      value: perSecond(({ store }) => store, 'events/s'),
      against: perSecond(({ raw }) => raw, 'raw inserts/s'),
      ...ratio(
        ({ store }) => store,
        ({ raw }) => raw,
      ),
      goal: { atLeast: 0.45 },
      cpu: middle?.storeCpu ?? {},
    },
    {
      what: 'stream → accounts with field versions',
      value: perSecond(({ pipeline }) => pipeline, 'events/s'),
      against: perSecond(({ raw }) => raw, 'raw inserts/s'),
      ...ratio(
        ({ pipeline }) => pipeline,
        ({ raw }) => raw,
      ),
      goal: { atLeast: 0.1 },
      cpu: middle?.pipelineCpu ?? {},
    },
    {
      what: 'stream → accounts, against the obvious implementation',
      value: perSecond(({ pipeline }) => pipeline, 'events/s'),
      against: perSecond(({ obvious }) => obvious, 'events/s'),
      ...ratio(
        ({ pipeline }) => pipeline,
        ({ obvious }) => obvious,
      ),
      goal: { atLeast: 9 },
      cpu: middle?.obviousCpu ?? {},
    },
  ];
}
