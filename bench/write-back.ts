// Codes for 10,000 accounts that are made within a minute: `npm run bench:write-back`. It ends with 1 where an account
// has no confirmed code, or more than one, or where more API calls were needed than two for 200 accounts and some.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { startSimulator } from 'salesforce-simulator';
import { openDatabase } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { buildBenchApp } from './bench-app.ts';
import { restCaller } from './rest-caller.ts';

const accounts = Number(process.env['BENCH_ACCOUNTS'] ?? 10_000);
const seconds = Number(process.env['BENCH_SECONDS'] ?? 60);
const maxCalls = 2.2;

const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), password: 'bench' });
const simulator = await startSimulator({ accounts: 100 });
const app = await buildBenchApp(postgres.url, simulator);
const database = openDatabase({ url: postgres.url, max: 1 });
const count = async (where: string): Promise<number> =>
  Number((await database.pool.query(`select count(*) from ${where}`)).rows[0].count);
const until = async (where: string, wanted: number): Promise<void> => {
  while ((await count(where)) < wanted) await pause(50);
};

await app.ready();
await until('subscriptions where loaded_at is not null', 1);
await until(`subscriptions where state = 'streaming'`, 1);
// The field of the codes has been checked.
await until(`write_back_state where state = 'running'`, 1);

const before = simulator.allowance.used;
const caller = restCaller(simulator);
const ids: string[] = [];
const start = performance.now();
let longestWait = 0;
while (ids.length < accounts) {
  const wanted = Math.min(accounts, Math.ceil(((performance.now() - start) / (seconds * 1_000)) * accounts));
  while (ids.length < wanted) {
    simulator.org.transaction(caller, (tx) => {
      const made = tx.insert({ Name: `Account ${ids.length}` });
      if (made.success) ids.push(made.id);
    });
  }
  await pause(20);
  longestWait = Math.max(longestWait, await count(`accounts where code_state = 'pending'`));
}
const made = performance.now();
await until(`accounts where code_state = 'confirmed'`, accounts);
const confirmed = performance.now();

const codes = simulator.audit.codes();
const wrong = ids.filter((id) => codes.get(id)?.length !== 1);
const calls = simulator.allowance.used - before;
const perBatch = calls / (accounts / 200);
process.stdout.write(
  `${[
    `accounts made          ${ids.length} in ${((made - start) / 1000).toFixed(1)} s, one transaction each`,
    `all confirmed after    ${((confirmed - start) / 1000).toFixed(1)} s, ${((confirmed - made) / 1000).toFixed(1)} s after the last was made`,
    `waiting at most        ${longestWait} codes`,
    `API calls              ${calls}: ${perBatch.toFixed(2)} for 200 accounts (${maxCalls} at most)`,
    `not exactly one code   ${wrong.length}`,
  ].join('\n')}\n`,
);
process.exitCode = wrong.length > 0 || perBatch > maxCalls ? 1 : 0;

await app.close();
await database.close();
await simulator.close();
await postgres.stop();
await rm(folder, { recursive: true });
