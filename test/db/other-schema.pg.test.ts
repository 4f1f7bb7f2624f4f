import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { queueSchemaOf } from '../../src/db/queue-schema.ts';
import { eventually } from '../helpers/eventually.ts';
import { salesforceRest } from '../helpers/salesforce-rest.ts';
import { type ApiAccount, type Page, startTidemark, type Tidemark } from '../helpers/tidemark.ts';

describe('a schema other than public', () => {
  const suffix = randomBytes(4).toString('hex');
  const server = new URL(inject('postgresUrl'));
  const databases: string[] = [];
  const roles: string[] = [];
  let maintenance: pg.Client;
  let simulator: Simulator;

  beforeAll(async () => {
    maintenance = new pg.Client({ connectionString: server.href });
    await maintenance.connect();
    simulator = await startSimulator({ accounts: 3 });
  });
  afterAll(async () => {
    await simulator.close();
    for (const name of databases) await maintenance.query(`drop database if exists ${name} with (force)`);
    for (const name of roles) await maintenance.query(`drop role if exists ${name}`);
    await maintenance.end();
  });

  /** A database without tables, and a role that owns nothing in it. */
  const prepare = async (name: string) => {
    const database = `schema_${name}_${suffix}`;
    const role = `role_${name}_${suffix}`;
    databases.push(database);
    roles.push(role);
    await maintenance.query(`create role ${role} login password 'x'`);
    await maintenance.query(`create database ${database}`);
    const admin = new URL(server);
    admin.pathname = `/${database}`;
    const own = new URL(admin);
    own.username = role;
    own.password = 'x';
    const run = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
      const client = new pg.Client({ connectionString: admin.href });
      await client.connect();
      return client
        .query<Row>(sql)
        .then(({ rows }) => rows, Promise.reject.bind(Promise))
        .finally(() => client.end());
    };
    return { role, run, url: own.href, database };
  };
  type Prepared = Awaited<ReturnType<typeof prepare>>;

  const tables = async ({ run }: Prepared): Promise<Record<string, number>> => {
    const rows = await run<{ name: string; n: number }>(
      `select schemaname as name, count(*)::int as n from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema') group by 1`,
    );
    return Object.fromEntries(rows.map(({ name, n }) => [name, n]));
  };

  const ways: [string, (prepared: Prepared) => Promise<{ schema: string; url: string }>][] = [
    [
      'a schema that is named like the role',
      async ({ role, run, url }) => {
        await run(`create schema ${role} authorization ${role}`);
        return { schema: role, url };
      },
    ],
    [
      'the search path of the role in this database',
      async ({ role, run, url, database }) => {
        await run(`create schema app authorization ${role}`);
        await run(`alter role ${role} in database ${database} set search_path = app`);
        return { schema: 'app', url };
      },
    ],
    [
      'the options of the URL',
      async ({ role, run, url }) => {
        await run(`create schema app authorization ${role}`);
        return { schema: 'app', url: `${url}?options=-csearch_path%3Dapp` };
      },
    ],
    [
      'the parameter schema of the URL',
      async ({ role, run, url }) => {
        await run(`create schema app authorization ${role}`);
        return { schema: 'app', url: `${url}?schema=app` };
      },
    ],
  ];

  it.each(ways)('all tables are in one schema, which is named by %s', async (_, name) => {
    const prepared = await prepare(randomBytes(3).toString('hex'));
    const { schema, url } = await name(prepared);
    // A role of its own has no right to create schemas: those of the queue and of the mirror are created for it.
    await prepared.run(`create schema pgboss authorization ${prepared.role}`);
    await prepared.run(`create schema salesforce authorization ${prepared.role}`);
    const tidemark = await startTidemark(url, simulator);
    try {
      expect((await tidemark.get<Page<ApiAccount>>('/v1/accounts')).data).not.toEqual([]);
      const found = await tables(prepared);
      expect(Object.keys(found).sort()).toEqual([schema, 'pgboss', 'salesforce'].sort());
      expect(found[schema]).toBeGreaterThan(10);
    } finally {
      await tidemark.stop();
    }
  });

  it('a schema that does not exist and may not be created, or takes no tables, is refused by name', async () => {
    const { role, run, url } = await prepare('refused');
    await expect(startTidemark(`${url}?schema=app`, simulator)).rejects.toThrow(
      /^DATABASE_URL: the schema "app" does not exist and this role may not create it; run: create schema "app"/,
    );
    await run('create schema app');
    await run(`grant usage on schema app to ${role}`);
    await expect(startTidemark(`${url}?schema=app`, simulator)).rejects.toThrow(
      /^DATABASE_URL: this role may not create tables in the schema "app"/,
    );
    await run(`grant create on schema app to ${role}`);
    await expect(startTidemark(`${url}?schema=app`, simulator)).rejects.toThrow(
      /^MIRROR_SCHEMA: the schema "salesforce" does not exist and this role may not create it; run: create schema "salesforce"/,
    );
    await run(`create schema salesforce authorization ${role}`);
    await expect(startTidemark(`${url}?schema=app`, simulator)).rejects.toThrow(
      /^DATABASE_URL: the schema "app_jobs" does not exist and this role may not create it/,
    );
  });

  it('two services in schemas of one database share no lock, no job and no notification', async () => {
    const prepared = await prepare('two');
    const { role, run, url, database } = prepared;
    await run(`grant create on database ${database} to ${role}`);
    const other = await startSimulator({ accounts: 1, organizationId: '00DTM000000000z' });
    const both: Tidemark[] = [];
    try {
      both.push(await startTidemark(`${url}?schema=first`, simulator));
      await expect(startTidemark(`${url}?schema=Second%20one`, other)).rejects.toThrow(
        /^MIRROR_SCHEMA: the schema "salesforce" has a table "account" that belongs to another Tidemark/,
      );
      both.push(await startTidemark(`${url}?schema=Second%20one`, other, { mirrorSchema: 'sales' }));
      for (const [index, org] of [simulator, other].entries()) {
        const id = await salesforceRest(org).create({ Name: `Harbour ${index}` });
        await eventually('its code is confirmed', async () => {
          const answer = await both[index]?.request('GET', `/v1/accounts/${id}`);
          return answer?.ok && ((await answer.json()) as ApiAccount).codeState === 'confirmed';
        });
      }
      const [locks] = await run<{ n: number }>(
        `select count(*)::int as n from pg_locks
          where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())`,
      );
      // Each has a leader of its own.
      expect(locks).toEqual({ n: 2 });
      expect(Object.keys(await tables(prepared)).sort()).toEqual(
        ['Second one', 'first', 'first_jobs', queueSchemaOf('Second one'), 'salesforce', 'sales'].sort(),
      );
    } finally {
      for (const tidemark of both) await tidemark.stop();
      await other.close();
    }
  });

  it('defaults of the database for dates, strings and isolation have no effect on sessions', async () => {
    const { role, run, url, database } = await prepare('defaults');
    await run(`alter database ${database} owner to ${role}`);
    for (const setting of [
      `datestyle = 'German, DMY'`,
      `intervalstyle = 'postgres_verbose'`,
      `timezone = 'America/New_York'`,
      `bytea_output = 'escape'`,
      `standard_conforming_strings = off`,
      `default_transaction_isolation = 'serializable'`,
    ])
      await run(`alter database ${database} set ${setting}`);
    const tidemark = await startTidemark(url, simulator);
    try {
      const [account] = (await tidemark.get<Page<ApiAccount>>('/v1/accounts?limit=1')).data;
      const created = simulator.org.record(account?.id ?? '')?.values['CreatedDate'];
      expect(new Date(account?.createdAt ?? 0).getTime()).toBe(Number(created));
    } finally {
      await tidemark.stop();
    }
  });

  it('a database whose encoding cannot hold every text is refused by name', async () => {
    const name = `schema_latin1_${suffix}`;
    databases.push(name);
    await maintenance.query(
      `create database ${name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`,
    );
    const url = new URL(server);
    url.pathname = `/${name}`;
    await expect(startTidemark(url.href, simulator)).rejects.toThrow(
      /^DATABASE_URL: the database has the encoding LATIN1, which cannot store every text of Salesforce/,
    );
  });
});
