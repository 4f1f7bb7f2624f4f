// How fast the way of an event is, on this machine: `npm run bench`. Everything is started here, on loopback.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openDatabase } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { startSandbox } from '../src/sandbox/sandbox.ts';
import { buildBenchApp } from './bench-app.ts';

const accounts = Number(process.env['BENCH_ACCOUNTS'] ?? 2_000);
const changes = Number(process.env['BENCH_CHANGES'] ?? 20_000);
const perTransaction = 50;

const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), password: 'bench' });
const sandbox = await startSandbox({ accounts });
const app = await buildBenchApp(postgres.url, sandbox);
const database = openDatabase({ url: postgres.url, max: 1 });
const count = async (sql: string): Promise<number> => Number((await database.pool.query(sql)).rows[0].count);
const until = async (sql: string, wanted: number): Promise<number> => {
  while ((await count(sql)) < wanted) await pause(20);
  return performance.now();
};

const loadStart = performance.now();
await app.ready();
const loaded = await until('select count(*) from subscriptions where loaded_at is not null', 1);
report('initial load by REST query', accounts, 'accounts', loaded - loadStart);

const ids = [...sandbox.org.records()].map(({ id }) => id);
const caller = { userId: sandbox.org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
const start = performance.now();
for (let done = 0; done < changes; done += perTransaction) {
  sandbox.org.transaction(caller, (tx) => {
    for (let n = 0; n < perTransaction; n++) {
      tx.update(ids[(done + n) % ids.length] ?? '', { Phone: `${done + n}`, NumberOfEmployees: n });
    }
  });
  // Lets the stream breathe: the org lives in this process too.
  if (done % 1_000 === 0) await pause(1);
}
const stored = await until('select count(*) from events', changes);
report('received and stored', changes, 'events', stored - start);
const applied = await until(`select count(*) from events where state = 'applied'`, changes);
report('received, stored and applied', changes, 'events', applied - start);
process.stdout.write(
  `memory in use: ${Math.round(process.memoryUsage().rss / 1024 / 1024)} MiB, the sandbox org included\n`,
);

await app.close();
await database.close();
await sandbox.close();
await postgres.stop();
await rm(folder, { recursive: true });

function report(what: string, number: number, unit: string, ms: number): void {
  const rate = Math.round((number / ms) * 1000);
  process.stdout.write(`${what}: ${number} ${unit} in ${(ms / 1000).toFixed(2)} s, ${rate} a second\n`);
}
