// How many SQL statements the service sends while nothing happens, and for one created account until its code is
// confirmed, by connection: `npm run bench:statements`.

import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { pino } from 'pino';
import { startSimulator } from 'salesforce-simulator';
import { buildApp } from '../src/app.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';

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
const simulator = await startSimulator({ accounts: 5 });
const { clientId, clientSecret } = simulator.credentials;
const app = await buildApp({
  databaseUrl,
  org: {
    loginUrl: simulator.instanceUrl,
    credentials: { flow: 'client-credentials', clientId, clientSecret },
    apiVersion: '66.0',
    pubsubEndpoint: simulator.pubsubEndpoint,
    pubsubTls: false,
  },
  apiKeys: [{ name: 'bench', scopes: ['read'], secret: 'only-for-the-benchmark' }],
  topic: '/data/AccountChangeEvent',
  replayPreset: 'latest',
  quietMs: 100,
  codeField: 'SignUpCode__c',
  backfill: false,
  roles: new Set(['api', 'sync']),
  logger: pino({ level: 'silent' }),
});
await app.ready();
await until(`select from subscriptions where loaded_at is not null and state = 'streaming'`);
await pause(10_000);

const before = new Map(counts);
await pause(idleSeconds * 1_000);
const idle = difference(before, counts);

const created = new Map(counts);
const caller = {
  userId: simulator.org.named.admin.id,
  api: 'rest',
  apiVersion: '66.0',
  client: null,
} as const;
const begin = Date.now();
simulator.org.transaction(caller, (tx) => tx.insert({ Name: 'One account' }));
await until(`select from accounts where name = 'One account' and code_state = 'confirmed'`);
await pause(2_000);
const seconds = (Date.now() - begin) / 1_000;
const used = difference(created, counts);

print('idle, per second', idle, (count) => count / idleSeconds);
print('one created account', used, (count, name) => count - ((idle.get(name) ?? 0) / idleSeconds) * seconds);

await app.close();
await simulator.close();
await Promise.all([admin.end(), reader.end()]);
proxy.close();
await postgres.stop();
await rm(folder, { recursive: true, force: true });
process.exit();

type Counts = ReadonlyMap<string, number>;

/** Passes both directions on and counts the statements of the client: simple queries, and executions of prepared ones. */
function countStatements(client: Socket, database: Socket): void {
  let rest = Buffer.alloc(0);
  let name: string | undefined;
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
      else if (message[0] === 0x51 || message[0] === 0x45) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  });
  client.pipe(database).pipe(client);
  client.on('error', () => database.destroy());
  database.on('error', () => client.destroy());
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
