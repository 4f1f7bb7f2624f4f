// How fast a mirror is loaded and repaired: `npm run bench:resync`. The service runs as its own process against a
// simulator and a PostgreSQL of its own, all on loopback; what it does is compared with COPY of the same rows into
// the same table, in the same run.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSimulator } from 'salesforce-simulator';
import { openDatabase } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { differencesOf } from '../test/chaos/expected-account.ts';
import { readAllAccounts } from '../test/helpers/all-accounts.ts';
import type { ApiAccount, Page } from '../test/helpers/tidemark.ts';
import { restCaller } from './rest-caller.ts';
import { startBenchService } from './service-process.ts';
import { timeCopy } from './time-copy.ts';

const accounts = Number(process.env['BENCH_ACCOUNTS'] ?? 200_000);
const changesPerSecond = Number(process.env['BENCH_CHANGES'] ?? 500);
const key = 'only-for-the-benchmark';

const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), password: 'bench' });
const database = openDatabase({ url: postgres.url, max: 2 });
const simulator = await startSimulator({ accounts, dailyApiRequests: 10_000_000 });
const port = process.env['BENCH_PORT'] ?? '3987';
const service = await startBenchService(postgres.url, simulator, {
  apiKeys: `bench:read+write:${key}`,
  port,
});
const url = `http://127.0.0.1:${port}`;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const rows = async <T>(sql: string): Promise<T[]> => (await database.pool.query(sql)).rows as T[];

try {
  await load();
  await copy();
  await repair('a full resync while nothing changes', 0);
  await repair(`a full resync while ${changesPerSecond} accounts a second change`, changesPerSecond);
  await verify();
} finally {
  await service.stop();
  await database.close();
  await simulator.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function load(): Promise<void> {
  const row = await ended(`reason = 'initial'`);
  await report('load of an empty mirror', row);
}

/** The same rows into the same table, with all its indexes. */
async function copy(): Promise<void> {
  const seconds = await timeCopy(rows, path.join(folder, 'postgres'));
  const loaded = await ended(`reason = 'initial'`);
  say(`COPY of the same rows: ${seconds.toFixed(1)} s, ${rate(accounts, seconds)} rows/s, median of three`);
  say(`the load is ${(seconds / loaded.seconds).toFixed(2)} of COPY`);
}

async function repair(what: string, perSecond: number): Promise<void> {
  const changing = new AbortController();
  const changes = perSecond > 0 ? change(perSecond, changing.signal) : Promise.resolve(0);
  const id = await order('repair');
  await report(what, await ended(`id = '${id}'`));
  changing.abort();
  const made = await changes;
  if (made > 0) say(`  changes meanwhile: ${made}`);
  await settled();
  say(`  accounts that differ afterwards, compared field by field: ${await differing()}`);
}

async function verify(): Promise<void> {
  const id = await order('verify');
  await report('a verify of everything', await ended(`id = '${id}'`));
  const [found] = await rows<{ different: number }>(`select different from resyncs where id = '${id}'`);
  say(`  accounts that differ: ${found?.different}`);
}

type Ended = { readonly state: string; readonly read: number; readonly seconds: number };

async function ended(which: string): Promise<Ended> {
  for (;;) {
    const [row] = await rows<Ended>(
      `select state, read, extract(epoch from finished_at - started_at)::float8 as seconds
         from resyncs where ${which} and state in ('done', 'failed')`,
    ).catch(() => []);
    if (row?.state === 'failed') throw new Error('the resync failed');
    if (row !== undefined) return row;
    await pause(200);
  }
}

async function order(mode: string): Promise<string> {
  const answer = await fetch(`${url}/v1/resyncs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ scope: 'all', mode }),
  });
  return ((await answer.json()) as { id: string }).id;
}

/** @returns how many accounts it changed */
async function change(perSecond: number, signal: AbortSignal): Promise<number> {
  const { org } = simulator;
  const caller = restCaller(simulator);
  const ids = [...org.records()].map(({ id }) => id);
  let made = 0;
  for (const begin = performance.now(); !signal.aborted; await pause(20)) {
    const due = ((performance.now() - begin) / 1000) * perSecond;
    while (made < due) {
      const id = ids[Math.floor(Math.random() * ids.length)] ?? '';
      org.transaction(caller, (tx) => tx.update(id, { Phone: String(made), Site: `site ${made % 7}` }));
      made++;
    }
  }
  return made;
}

async function settled(): Promise<void> {
  const published = simulator.bus.retained().filter(({ event }) => event !== null).length;
  const applied = 'select count(*)::int as count from event_outcomes';
  while (((await rows<{ count: number }>(applied))[0]?.count ?? 0) < published) await pause(200);
}

async function differing(): Promise<number> {
  const fields = simulator.org.fields();
  const shown = await readAllAccounts(async (path) => {
    const response = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
    return (await response.json()) as Page<ApiAccount>;
  });
  return [...shown.values()].filter((account) => {
    const record = simulator.org.record(account.id);
    return record === undefined || differencesOf(record, account, fields).length > 0;
  }).length;
}

async function report(what: string, { read, seconds }: Ended): Promise<void> {
  const peak = await service.peakMemory();
  say(
    `${what}: ${read} rows in ${seconds.toFixed(1)} s, ${rate(read, seconds)} rows/s; memory of the service at most ${peak} MiB since its start`,
  );
}

function rate(count: number, seconds: number): string {
  return Math.round(count / seconds).toLocaleString('en');
}
