// How quickly the API answers in large tables: `npm run bench:api`, with 1,000,000 accounts and 5,000,000 events unless
// BENCH_ACCOUNTS and BENCH_EVENTS say otherwise. The service runs as a process of its own, asked over loopback, one
// request after another. It ends with 1 where a median is over the goal.
import { setTimeout as pause } from 'node:timers/promises';
import { fieldIndexPrefix } from '../src/mirror/field-indexes.ts';
import { startOrg } from './org.ts';
import { type Seeded, seedTables } from './seed.ts';
import { loaded, openWorld, percentile, serviceUrl, withKey } from './world.ts';

const accounts = Number(process.env['BENCH_ACCOUNTS'] ?? 1_000_000);
const events = Number(process.env['BENCH_EVENTS'] ?? 5_000_000);
const requests = Number(process.env['BENCH_REQUESTS'] ?? 100);
const goalMs = 30;

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const world = await openWorld();
const org = await startOrg(2_000);
const database = await world.createDatabase();
const settings = { INDEXED_FIELDS: 'Industry,BillingAddress.City', RATE_LIMIT_PER_MINUTE: '0' };
try {
  const first = await world.startService(database.url, org, settings);
  await database.until(loaded, 1);
  await database.until(
    `select count(*) from pg_index i join pg_class c on c.oid = i.indexrelid
      where starts_with(c.relname, '${fieldIndexPrefix}') and i.indisvalid
        and pg_get_indexdef(c.oid) not like '%additional_fields%'`,
    2,
  );
  await first.stop();
  const begin = performance.now();
  const seeded = await seedTables(database.pool, { accounts, events });
  say(
    `${accounts.toLocaleString('en')} accounts and ${events.toLocaleString('en')} events, filled in ${seconds(begin)} s`,
  );
  // Alone with the tables: no stage of the pipeline runs.
  const service = await world.startService(database.url, org, { ...settings, ROLES: 'api' });
  while (!(await fetch(`${serviceUrl}/health/live`).catch(() => undefined))?.ok) await pause(100);
  const slow = await measure(seeded);
  say(slow.length === 0 ? `every median is under ${goalMs} ms` : `over ${goalMs} ms: ${slow.join('; ')}`);
  process.exitCode = slow.length === 0 ? 0 : 1;
  await service.stop();
} finally {
  await org.close();
  await database.drop();
  await world.close();
}

/** @returns the kinds of requests whose median is over the goal */
async function measure({ ids, busiest, from, until }: Seeded): Promise<string[]> {
  const one = (): string => ids[Math.floor(Math.random() * ids.length)] ?? '';
  const moment = (): string =>
    new Date(from.getTime() + Math.random() * (until.getTime() - from.getTime())).toISOString();
  const keys = await database.rows<{ key: string; name: string; number: string }>(
    `select e.transaction_key as key, a.name, a.account_number as number
       from event_outcomes e tablesample system (0.1) join accounts a on a.id = e.record_ids[1] limit 200`,
  );
  const some = () => keys[Math.floor(Math.random() * keys.length)] ?? { key: '', name: '', number: '' };
  const list = (query: string): string => `/v1/accounts?${query}`;
  const text = encodeURIComponent;
  const kinds: readonly (readonly [string, () => string])[] = [
    ['one account', () => `/v1/accounts/${one()}`],
    ['list', () => list('limit=50')],
    ...['name', 'createdAt', 'modifiedAt', 'syncedAt'].flatMap((sort) =>
      ['', '-'].map((sign) => [`list by ${sign}${sort}`, () => list(`sort=${sign}${sort}`)] as const),
    ),
    ['name', () => list(`name=${text(some().name)}`)],
    ['name, its beginning', () => list(`name=${text(`${some().name.slice(0, 8)}*`)}`)],
    ['name, a part of it', () => list(`name=${text(`*${some().name.slice(3)}*`)}`)],
    ['free text, one match', () => list(`q=${text(some().number)}`)],
    ['free text, many matches', () => list(`q=${text(some().name.split(' ')[0] ?? '')}`)],
    ['free text, many matches, by name', () => list(`q=${text(some().name.split(' ')[0] ?? '')}&sort=name`)],
    [
      'free text, many matches, newest first',
      () => list(`q=${text(some().name.split(' ')[0] ?? '')}&sort=-modifiedAt`),
    ],
    ['free text, no match', () => list('q=nobodyiscalledso')],
    ['accountNumber', () => list(`accountNumber=${text(some().number)}`)],
    ['signupCode', () => list(`signupCode=SEED${Math.floor(Math.random() * accounts)}`)],
    ['updatedSince', () => list(`updatedSince=${moment()}`)],
    ['deleted', () => list('deleted=true')],
    ['stale', () => list('stale=true')],
    ['codeState', () => list('codeState=failed')],
    ['a mirrored field', () => list('fields.Industry=Energy')],
    ['a mirrored field, by name', () => list('fields.Industry=Energy&sort=name')],
    [
      'field, text and order',
      () => list(`fields.Industry=Energy&q=${text(some().name.split(' ')[0] ?? '')}&sort=-createdAt`),
    ],
    ['history', () => `/v1/accounts/${one()}/events`],
    ['history of the busiest', () => `/v1/accounts/${busiest}/events`],
    ['as of a moment', () => `/v1/accounts/${one()}?asOf=${moment()}`],
    ['as of a moment, the busiest', () => `/v1/accounts/${busiest}?asOf=${moment()}`],
    ['diff', () => `/v1/accounts/${one()}/diff?from=${moment()}`],
    ['diff of the busiest', () => `/v1/accounts/${busiest}/diff?from=${moment()}`],
    ['who wrote a field', () => `/v1/accounts/${one()}/fields/Phone/history`],
    ['who wrote a field of the busiest', () => `/v1/accounts/${busiest}/fields/Phone/history`],
    ['a transaction', () => `/v1/transactions/${some().key}`],
    ['events', () => '/v1/events?limit=50'],
    ['events of a record', () => `/v1/events?recordId=${one()}`],
    ['events of the busiest record', () => `/v1/events?recordId=${busiest}`],
    ['events by type', () => '/v1/events?changeType=CREATE'],
    ['events that failed', () => '/v1/events?state=failed'],
    ['events of a time', () => `/v1/events?since=${moment()}`],
    ['status', () => '/v1/status'],
  ];
  const slow: string[] = [];
  for (const [name, target] of kinds) {
    const times: number[] = [];
    for (let n = 0; n < requests + 5; n++) {
      const ms = await ask(name, target());
      // The first ones find plans and pages that are not in memory yet.
      if (n >= 5) times.push(ms);
    }
    const median = percentile(times, 0.5);
    say(
      `${name.padEnd(40)} median ${median.toFixed(1).padStart(7)} ms   p99 ${percentile(times, 0.99).toFixed(1).padStart(7)} ms`,
    );
    if (median > goalMs) slow.push(`${name} ${median.toFixed(0)} ms`);
  }
  return slow;
}

async function ask(name: string, path: string): Promise<number> {
  const begin = performance.now();
  const answer = await fetch(serviceUrl + path, { headers: withKey });
  const body = await answer.text();
  if (!answer.ok) throw new Error(`${name}: ${path} → ${answer.status} ${body}`);
  return performance.now() - begin;
}

function seconds(begin: number): string {
  return ((performance.now() - begin) / 1000).toFixed(0);
}
