// What an idle service and one created account cost: SQL statements by connection, while nothing happens and until the
// code of the account is confirmed, and the source files that take part: `npm run bench:statements`. `--files` lists the
// files, `--names` the statements. To compare with an older revision, copy this file, files-run.ts and rest-caller.ts to its
// `bench` folder.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Simulator } from 'salesforce-simulator';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { buildBenchApp } from './bench-app.ts';
import { filesRunDuring } from './files-run.ts';
import { restCaller } from './rest-caller.ts';

const idleSeconds = 60;
const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-statements-'));
const postgres = await startEmbeddedPostgres({
  folder: path.join(folder, 'postgres'),
  password: 'bench',
});
const admin = new pg.Client({ connectionString: postgres.url, application_name: 'bench' });
await admin.connect();
await admin.query('create database bench');
const counts = new Map<string, number>();
/** By connection and statement. */
const named = new Map<string, number>();
const server = new URL(postgres.url);
const proxy = createServer((socket) =>
  countStatements(socket, connect(Number(server.port), server.hostname)),
);
proxy.listen(0, '127.0.0.1');
await once(proxy, 'listening');
const databaseUrl = postgres.url
  .replace(/\/[^/]*$/, '/bench')
  .replace(`:${server.port}`, `:${(proxy.address() as AddressInfo).port}`);
const reader = new pg.Client({
  connectionString: postgres.url.replace(/\/[^/]*$/, '/bench'),
  application_name: 'bench',
});
await reader.connect();
const simulator = await startOrg();
const app = await buildBenchApp(databaseUrl, simulator);
await app.ready();
await until(`select from subscriptions where loaded_at is not null and state = 'streaming'`);
// The first event after the start of a subscription requests a resync, which is not part of the measurement.
await createAccount('First account');
await until(`select where not exists (select from resyncs where finished_at is null)`);
await pause(10_000);

const before = new Map(counts);
const namedBefore = new Map(named);
await pause(idleSeconds * 1_000);
const idle = difference(before, counts);
const idleNamed = difference(namedBefore, named);

const created = new Map(counts);
const namedCreated = new Map(named);
const begin = Date.now();
const files = await filesRunDuring(() => createAccount('One account'));
await pause(2_000);
const seconds = (Date.now() - begin) / 1_000;
const used = difference(created, counts);
const usedNamed = difference(namedCreated, named);

print('idle, per second', idle, (count) => count / idleSeconds);
print('one created account', used, (count, name) => count - ((idle.get(name) ?? 0) / idleSeconds) * seconds);
if (process.argv.includes('--names')) {
  list(`idle, in ${idleSeconds} s`, idleNamed);
  list(`one created account, in ${seconds.toFixed(1)} s`, usedNamed);
}
process.stdout.write(`source files with a function that ran for the created account: ${files.length}\n`);
if (process.argv.includes('--files')) process.stdout.write(files.map((file) => `  ${file}\n`).join(''));

await app.close();
await simulator.close();
await Promise.all([admin.end(), reader.end()]);
proxy.close();
await postgres.stop();
await rm(folder, { recursive: true, force: true });
process.exit();

async function createAccount(name: string): Promise<void> {
  simulator.org.transaction(restCaller(simulator), (tx) => tx.insert({ Name: name }));
  await until(`select from accounts where name = '${name}' and code_state = 'confirmed'`);
}

/** Older revisions have the simulator in the service's own sources. */
async function startOrg(): Promise<Simulator> {
  const inOwnSources = '../src/sandbox/sandbox.ts';
  const module = await import('salesforce-simulator').catch(() => import(inOwnSources));
  return (module.startSimulator ?? module.startSandbox)({ accounts: 5 });
}

type Counts = ReadonlyMap<string, number>;

/** Passes both directions on and counts the statements of the client: simple queries, and executions of prepared ones. */
function countStatements(client: Socket, database: Socket): void {
  let rest = Buffer.alloc(0);
  let name: string | undefined;
  const prepared = new Map<string, string>();
  let bound = '';
  const add = (statement: string): void => {
    counts.set(name ?? '', (counts.get(name ?? '') ?? 0) + 1);
    const key = `${name}: ${statement}`;
    named.set(key, (named.get(key) ?? 0) + 1);
  };
  client.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      // The first message of a connection has no type.
      const head = name === undefined ? 0 : 1;
      if (rest.length < head + 4) return;
      const end = head + rest.readUInt32BE(head);
      if (rest.length < end) return;
      const message = rest.subarray(0, end);
      rest = rest.subarray(end);
      if (name === undefined) name = /application_name\0([^\0]*)/.exec(message.toString('latin1'))?.[1] ?? '';
      else {
        const [first = '', second = ''] = message.toString('utf8', 5).split('\0');
        const type = String.fromCharCode(message[0] ?? 0);
        if (type === 'P') prepared.set(first, first === '' ? shorten(second) : first);
        else if (type === 'B') bound = prepared.get(second) ?? second;
        else if (type === 'E') add(bound);
        else if (type === 'Q') add(shorten(first));
      }
    }
  });
  client.pipe(database).pipe(client);
  client.on('error', () => database.destroy());
  database.on('error', () => client.destroy());
}

function shorten(text: string): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, 100);
}

function list(what: string, counts: Counts): void {
  const rows = [...counts].filter(([, count]) => count > 0).sort(([, a], [, b]) => b - a);
  process.stdout.write(`${what}:\n${rows.map(([key, count]) => `  ${count} ${key}\n`).join('')}`);
}

function difference(from: Counts, to: Counts): Counts {
  return new Map([...to].map(([name, count]) => [name, count - (from.get(name) ?? 0)]));
}

function print(what: string, counts: Counts, figure: (count: number, name: string) => number): void {
  const shares = [...counts].map(([name, count]) => [name, figure(count, name)] as const);
  const total = shares.reduce((sum, [, count]) => sum + count, 0);
  const each = shares
    .filter(([, count]) => count > 0.05)
    .map(([name, count]) => `${name} ${count.toFixed(1)}`);
  process.stdout.write(`${what}: ${total.toFixed(1)} statements (${each.join(', ')})\n`);
}

async function until(sql: string): Promise<void> {
  while ((await reader.query(sql)).rowCount === 0) await pause(50);
}
