// How much memory a backlog costs: `npm run bench:backlog`. The service runs as its own process; while its applier is
// held up, events pile up in the log; then it catches up. Everything is started here, on loopback.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSimulator } from 'salesforce-simulator';
import { advisoryLocks } from '../src/db/advisory-locks.ts';
import { openDatabase } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { restCaller } from './rest-caller.ts';
import { startBenchService } from './service-process.ts';
import { appliedCount, storedCount } from './world.ts';

const backlog = Number(process.env['BENCH_BACKLOG'] ?? 200_000);
const accounts = 5_000;
const perTransaction = 200;

const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), password: 'bench' });
const database = openDatabase({ url: postgres.url, max: 2 });
const simulator = await startSimulator({ accounts });
const service = await startBenchService(postgres.url, simulator, {
  apiKeys: 'bench:read:only-for-the-benchmark',
  port: '0',
});

await until(`select count(*) from subscriptions where loaded_at is not null`, 1);
const holder = await database.pool.connect();
await holder.query('set statement_timeout = 0; set idle_in_transaction_session_timeout = 0');
await holder.query(`select pg_advisory_lock(${advisoryLocks.accountWrites})`);
const start = performance.now();
await produce();
await until(storedCount, backlog);
report('stored while nothing could be applied', performance.now() - start);
say(`applied meanwhile: ${await count(appliedCount)}`);
say(`memory of the service at most: ${await service.peakMemory()} MiB`);

const release = performance.now();
await holder.query(`select pg_advisory_unlock(${advisoryLocks.accountWrites})`);
holder.release();
await until(appliedCount, backlog);
report('applied after that', performance.now() - release);
say(`memory of the service at most: ${await service.peakMemory()} MiB, from its start to caught up`);

await service.stop();
await database.close();
await simulator.close();
await postgres.stop();
await rm(folder, { recursive: true });

async function produce(): Promise<void> {
  const ids = [...simulator.org.records()].map(({ id }) => id);
  const caller = restCaller(simulator);
  for (let done = 0; done < backlog; done += perTransaction) {
    simulator.org.transaction(caller, (tx) => {
      for (let n = 0; n < perTransaction; n++) {
        tx.update(ids[(done + n) % ids.length] ?? '', { Phone: `${done + n}`, NumberOfEmployees: n });
      }
    });
    await pause(1);
  }
}

async function until(sql: string, wanted: number): Promise<void> {
  while ((await count(sql).catch(() => 0)) < wanted) await pause(200);
}

async function count(sql: string): Promise<number> {
  return Number((await database.pool.query<{ count: bigint }>(sql)).rows[0]?.count ?? 0);
}

function report(what: string, ms: number): void {
  say(
    `${what}: ${backlog} events in ${(ms / 1000).toFixed(1)} s, ${Math.round((backlog / ms) * 1000)} a second`,
  );
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
