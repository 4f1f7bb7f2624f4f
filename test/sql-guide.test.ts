import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { applyChanges } from '../src/apply/apply-changes.ts';
import type { AccountChange } from '../src/apply/plan-patch.ts';
import { codeRules } from '../src/codes/code-rules.ts';
import { type Database, inTransaction, openDatabase } from '../src/db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { migrate } from '../src/db/migrate.ts';
import { ensureColumns, prepareMirror } from '../src/mirror/prepare-mirror.ts';
import type { Scalar } from '../src/salesforce/change-event.ts';
import type { SchemaField } from '../src/salesforce/writer-schema.ts';
import { eventually } from './helpers/eventually.ts';
import { rowsOf } from './helpers/rows-of.ts';

const guide = readFileSync(new URL('../docs/sql.md', import.meta.url), 'utf8');
/** Statements with the output that the guide shows below them, if any. */
const examples = [...guide.matchAll(/```sql\n(.*?)```\n(?:```text\n(.*?)```)?/gs)].map(
  ([, sql = '', output]) => ({ sql, output }),
);
const hasPsql = spawnSync('psql', ['--version']).status === 0;

const field = (
  name: string,
  scalar: 'text' | 'boolean' | 'integer' | 'long' | 'number',
  kind: SchemaField['kind'] = 'plain',
): SchemaField => ({ name, parts: [], kind, scalars: new Map([['', scalar]]) });
const schema: readonly SchemaField[] = [
  { name: 'ChangeEventHeader', parts: [], kind: 'plain' },
  field('Name', 'text'),
  field('Industry', 'text'),
  field('AnnualRevenue', 'number'),
  field('NumberOfEmployees', 'integer'),
  {
    name: 'BillingAddress',
    parts: ['Street', 'City'],
    kind: 'plain',
    scalars: new Map([
      ['Street', 'text'],
      ['City', 'text'],
    ]),
  },
  field('CreatedDate', 'long', 'datetime'),
  field('LastModifiedDate', 'long', 'datetime'),
  field('Active__c', 'boolean'),
  field('Renewal__c', 'long', 'date'),
  field('SignUpCode__c', 'text'),
];

let number = 0n;
const change = (
  account: number,
  time: string,
  changeType: 'CREATE' | 'UPDATE' | 'DELETE',
  values: Readonly<Record<string, Scalar>>,
): AccountChange => ({
  accountId: `001al000000000${account}AAA`,
  eligible: false,
  gap: false,
  event: { id: ++number, changeType },
  change: {
    kind: changeType === 'CREATE' ? 'snapshot' : 'patch',
    version: [Date.parse(`${time}Z`), number, 1, 0],
    values: new Map(Object.entries(values)),
  },
});
const begin = '2026-03-01T09:00';
const changes = [
  change(1, begin, 'CREATE', {
    Name: 'Acme',
    Industry: 'Energy',
    AnnualRevenue: 1_250_000.5,
    'BillingAddress.City': 'Berlin',
    SignUpCode__c: 'ACME2026',
  }),
  change(2, begin, 'CREATE', { Name: 'Borealis', Industry: 'Energy', AnnualRevenue: 98_000 }),
  change(3, begin, 'CREATE', { Name: 'Cordoba Foods', Industry: 'Retail' }),
  change(4, begin, 'CREATE', { Name: 'Dunmore', Industry: 'Energy', AnnualRevenue: 4_000_000 }),
  change(5, begin, 'CREATE', { Name: 'Elm & Sons', Industry: 'Retail', AnnualRevenue: 15_000 }),
  change(1, '2026-05-10T14:30', 'UPDATE', { Industry: 'Technology' }),
  change(4, '2026-07-20T11:00', 'DELETE', { IsDeleted: true }),
  change(1, '2026-09-02T08:15', 'UPDATE', { 'BillingAddress.City': 'Lisbon' }),
];

describe('the guide for users of SQL', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-sql-'));
  const servers: EmbeddedPostgres[] = [];
  let database: Database | undefined;
  const start = async (name: string): Promise<EmbeddedPostgres> => {
    const server = await startEmbeddedPostgres({
      folder: path.join(folder, name),
      password: 'test',
      settings: ['fsync=off', 'wal_level=logical'],
    });
    servers.push(server);
    return server;
  };
  const apply = (some: readonly AccountChange[]): Promise<unknown> =>
    inTransaction(pool(), (client) => applyChanges(client, some, codeRules({ field: 'SignUpCode__c' })));
  const pool = () => {
    if (database === undefined) throw new Error('there is no database yet');
    return database.pool;
  };

  beforeAll(async () => {
    const { url } = await start('publisher');
    database = openDatabase({ url });
    await migrate(database.pool);
    await prepareMirror(database.pool, { schema: 'salesforce', codeField: 'SignUpCode__c' });
    await ensureColumns(database.pool, schema, true);
    for (const one of changes) await apply([one]);
  });
  afterAll(async () => {
    await database?.close();
    for (const server of servers.reverse()) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it(`every example of the guide prints what the guide shows${hasPsql ? '' : ' (skipped: needs psql)'}`, ({
    skip,
  }) => {
    skip(!hasPsql);
    expect(examples.filter(({ output }) => output !== undefined).length).toBeGreaterThan(6);
    for (const { sql, output } of examples) {
      const printed = execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', servers[0]?.url ?? ''], {
        input: sql,
        encoding: 'utf8',
      });
      expect(printed, sql).toBe(output ?? '');
    }
  });

  it('a published table is replicated to another server, a column that is added there first included', async () => {
    const [publisher] = servers;
    const subscriber = await start('subscriber');
    const columns = await rowsOf<{ definition: string }>(
      publisher?.url ?? '',
      `select string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum) as definition
         from pg_attribute where attrelid = 'salesforce.account'::regclass and attnum > 0 and not attisdropped`,
    );
    await rowsOf(
      publisher?.url ?? '',
      'drop publication if exists salesforce_accounts; create publication salesforce_accounts for table salesforce.account',
    );
    await rowsOf(
      subscriber.url,
      `create schema salesforce; create table salesforce.account (${columns[0]?.definition}, primary key (id))`,
    );
    const { port, password, username } = new URL(publisher?.url ?? '');
    await rowsOf(
      subscriber.url,
      `create subscription salesforce_accounts
         connection 'host=127.0.0.1 port=${port} dbname=tidemark user=${username} password=${password}'
         publication salesforce_accounts`,
    );
    const accounts = 'select to_jsonb(a) as account from salesforce.account a order by id';
    const equal = async () => {
      const [here, there] = await Promise.all([
        rowsOf(publisher?.url ?? '', accounts),
        rowsOf(subscriber.url, accounts),
      ]);
      return here.length > 0 && JSON.stringify(here) === JSON.stringify(there);
    };
    await eventually('the accounts are copied', equal);
    await rowsOf(subscriber.url, 'alter table salesforce.account add column rating__c text');
    await ensureColumns(pool(), [...schema, field('Rating__c', 'text')], true);
    await apply([
      change(2, '2026-10-01T10:00', 'UPDATE', { Rating__c: 'Hot', AnnualRevenue: 99_000.25 }),
      change(3, '2026-10-01T10:01', 'DELETE', { IsDeleted: true }),
    ]);
    await eventually('the changes are replicated', equal);
    const [borealis] = await rowsOf(
      subscriber.url,
      `select annualrevenue::text, rating__c from salesforce.account where id = '001al0000000002AAA'`,
    );
    expect(borealis).toEqual({ annualrevenue: '99000.25', rating__c: 'Hot' });
  });
});
