// How quickly the history answers: `npm run bench:history`. The tables are filled by SQL with accounts that were each
// created and then changed a few times, and one that was changed 10,000 times; the API is asked over loopback.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openDatabase } from '../src/db/database.ts';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { migrate } from '../src/db/migrate.ts';
import { createServer } from '../src/http/server.ts';
import { parseRecordId } from '../src/salesforce/record-id.ts';

const accounts = Number(process.env['BENCH_ACCOUNTS'] ?? 1_000_000);
const changesEach = 5;
const longChanges = 10_000;
const requests = Number(process.env['BENCH_REQUESTS'] ?? 200);
const key = 'only-for-the-benchmark';

const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
const postgres = await startEmbeddedPostgres({ folder: path.join(folder, 'postgres'), password: 'bench' });
const database = openDatabase({ url: postgres.url, max: 4 });
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const run = async (sql: string): Promise<void> => {
  const client = await database.pool.connect();
  await client.query('set statement_timeout = 0');
  await client.query({ text: sql, query_timeout: 2 ** 31 - 1 } as { text: string });
  client.release();
};

try {
  await migrate(database.pool);
  await fill();
  await measure();
} finally {
  await database.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

function idOf(n: number): string {
  return parseRecordId(`001al0000${String(n).padStart(6, '0')}`) ?? '';
}

/** The 18-character form of the n-th id, as `idOf` makes it: digits alone leave the checksum as that of the prefix. */
function idSql(n: string): string {
  return `'001al0000' || lpad((${n})::text, 6, '0') || '${idOf(1).slice(15)}'`;
}

async function fill(): Promise<void> {
  const change = (s: string, n: string): string =>
    `${idSql(n)}, ${s}::bigint * 1000, ${s}, 1, 0, case when ${s} = 1 then 'all' else 'some' end,
     case when ${s} = 1 then jsonb_build_object('Name', 'Account ' || ${n}, 'Industry', 'Energy', 'IsDeleted', false,
                                                'CreatedDate', '1970-01-01T00:00:01.000Z')
          else jsonb_build_object('Phone', ${s}::text, 'BillingAddress.City', 'City ' || ${s}) end,
     '{}'::text[], false, case when ${s} = 1 then 'CREATE' else 'UPDATE' end, `;
  await run(`insert into account_changes
             select ${change('s', 'n')} (n - 1) * ${changesEach} + s, null
               from generate_series(1, ${accounts - 1}) n, generate_series(1, ${changesEach}) s`);
  await run(`insert into account_changes
             select ${change('s', String(accounts))} ${accounts * changesEach} + s, null from generate_series(1, ${longChanges}) s`);
  await run(`insert into account_states
             select ${idSql(String(accounts))}, s * 1000, s, 1, 0,
                    jsonb_build_object('Name', 'Long', 'Industry', 'Energy', 'Phone', s::text, 'BillingAddress.City', 'City ' || s),
                    '1000.1.1.0', '{}', null, false from generate_series(100, ${longChanges}, 100) s`);
  await run(`insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at, history_length)
             select ${idSql('n')}, '{"Name": "An account"}', '1000.1.1.0', '{}', '5000.5.1.0', now(), now(), 5
               from generate_series(1, ${accounts}) n`);
  await run(`insert into events (id, topic, source, event_id, schema_id, payload, digest, state, record_ids, transaction_key,
                                 sequence_number, commit_timestamp, commit_number, entity_name, change_type)
             select c.event_id, 't', 'stream', 'e' || c.event_id, 's', '\\x00', decode(md5(c.event_id::text), 'hex'), 'applied',
                    array[c.account_id], 'tx-' || c.event_id, 1, to_timestamp(c.commit_ms / 1000), c.commit_number, 'Account', c.change_type
               from account_changes c`);
  await run('vacuum analyze account_changes, account_states, accounts, events');
}

async function measure(): Promise<void> {
  const app = await createServer({
    ...database,
    apiKeys: [{ name: 'bench', scopes: ['read'], secret: key }],
    topic: 't',
    signupCodeField: 'SignUpCode__c',
    indexedFields: [],
    logger: false,
    decodeEvents: async () => [],
    fieldNames: async () => ['Name', 'Industry', 'Phone'],
    fieldParts: async () =>
      new Map([
        ['Industry', []],
        ['Phone', []],
      ]),
    enqueueResync: async () => {},
    wakeUps: { next: async () => {} },
    requestSignupCode: async () => ({ kind: 'unknown' }),
    readiness: async () => [],
    version: 'bench',
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const long = idOf(accounts);
  const any = (): string => idOf(1 + Math.floor(Math.random() * (accounts - 1)));
  const event = (): number => 1 + Math.floor(Math.random() * (accounts - 1) * changesEach);
  const moment = (most: number): string =>
    new Date(1_000 * (1 + Math.floor(Math.random() * most))).toISOString();
  say(
    `${accounts} accounts, ${accounts * changesEach + longChanges} events; median and 99th percentile of ${requests} requests`,
  );
  const kinds: readonly (readonly [string, () => string])[] = [
    ['the account as it is, for comparison', () => `/v1/accounts/${any()}`],
    ['events', () => `/v1/accounts/${any()}/events`],
    ['events, 10,000 of one account', () => `/v1/accounts/${long}/events`],
    ['asOf', () => `/v1/accounts/${any()}?asOf=${moment(5)}`],
    ['asOf, 10,000', () => `/v1/accounts/${long}?asOf=${moment(longChanges)}`],
    ['diff', () => `/v1/accounts/${any()}/diff?from=${moment(2)}&to=${new Date(5_000).toISOString()}`],
    ['diff, 10,000', () => `/v1/accounts/${long}/diff?from=${moment(longChanges)}`],
    ['field history', () => `/v1/accounts/${any()}/fields/Phone/history`],
    ['field history, 10,000', () => `/v1/accounts/${long}/fields/Phone/history`],
    ['field history, 10,000, written once', () => `/v1/accounts/${long}/fields/Industry/history`],
    ['transaction', () => `/v1/transactions/tx-${event()}`],
  ];
  for (const [name, target] of kinds) {
    const times: number[] = [];
    for (let n = 0; n < requests; n++) {
      const begin = performance.now();
      const answer = await fetch(url + target(), { headers: { authorization: `Bearer ${key}` } });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
      times.push(performance.now() - begin);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string => (times[Math.floor(times.length * share)] ?? Number.NaN).toFixed(1);
    say(`${name}: ${at(0.5)} ms, ${at(0.99)} ms`);
  }
  await app.close();
}
