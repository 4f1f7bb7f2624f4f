import pg from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { apiConnections } from '../helpers/tidemark.ts';

describe('manual work in the database', { timeout: 60_000 }, () => {
  let mirror: LiveMirror;
  let person: pg.Client;
  const log: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void log.push(line) });

  beforeAll(async () => {
    mirror = await openMirror();
    person = new pg.Client({ connectionString: mirror.database.url });
    await person.connect();
  });
  afterAll(async () => {
    await person.end();
    await mirror[Symbol.asyncDispose]();
  });

  // The codes of the first accounts come as changes too: nothing of theirs is under way when a test counts its own.
  beforeEach(() => mirror.codesConfirmed());
  // What a test that failed still holds would make the next ones fail.
  afterEach(() => person.query('rollback'));

  const waiting = async (): Promise<number> => {
    const [row] = await mirror.sql<{ n: number }>(
      `select count(*)::int as n from event_queue where attempts = 0`,
    );
    return row?.n ?? 0;
  };
  const industryBySql = async (id: string) =>
    (await mirror.sql<{ industry: string }>('select industry from salesforce.account where id = $1', [id]))[0]
      ?.industry;
  const industry = async (id: string) => (await mirror.account(id)).fields['Industry'];
  const logSays = (text: string) =>
    eventually(`the log says: ${text}`, () => log.some((line) => line.includes(text)));
  const ready = () => mirror.tidemark.request('GET', '/health/ready');

  it('a person who blocks all connections of the API delays no change', async () => {
    const [id = ''] = mirror.accountIds();
    await person.query('begin; lock table resyncs in access exclusive mode');
    const asked = Array.from({ length: 30 }, () => mirror.tidemark.request('GET', '/v1/resyncs'));
    await eventually('every connection of the API waits', async () => {
      const rows = await mirror.sql(
        `select from pg_stat_activity where datname = current_database() and application_name = 'tidemark api'
            and wait_event_type = 'Lock'`,
      );
      return rows.length === apiConnections;
    });
    await mirror.salesforce.update(id, { Industry: 'Energy' });
    await eventually('the change is there', async () => (await industryBySql(id)) === 'Energy');
    await person.query('rollback');
    const answers = await Promise.all(asked);
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    // A request that got no connection is answered with 503 and Retry-After.
    expect(answers.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
  });

  describe('a service with a lock timeout of a tenth of a second', () => {
    const start = () => mirror.startAgain({ databaseUrl: `${mirror.database.url}?lock_timeout=100`, logger });
    beforeAll(async () => {
      await mirror.stop();
      await start();
    });

    it.each([
      ['a row', 'select from records where record_id = $1 for update', 200],
      ['the table', 'lock table accounts in access exclusive mode', 503],
    ])(
      'a person who locks %s delays what needs it, which is logged, while events are stored',
      async (what, sql, status) => {
        const [id = '', other = ''] = mirror.accountIds();
        log.length = 0;
        await person.query('begin');
        await person.query(sql, sql.includes('$1') ? [id] : []);
        await mirror.salesforce.update(id, { Industry: what });
        await logSays('canceling statement due to lock timeout');
        await mirror.salesforce.update(other, { Industry: what });
        await eventually('both changes are stored', async () => (await waiting()) === 2);
        expect((await mirror.tidemark.request('GET', `/v1/accounts/${other}`)).status).toBe(status);
        await person.query('rollback');
        for (const each of [id, other]) {
          await mirror.accountWhen(each, 'the change is there', ({ fields }) => fields['Industry'] === what);
        }
      },
    );

    it('a removed column stops changes but not events and is named by readiness, the log and the next start', async () => {
      const [id = ''] = mirror.accountIds();
      expect((await ready()).status).toBe(200);
      const before = await industryBySql(id);
      await person.query('alter table records drop column stale_since cascade');
      expect(await (await ready()).json()).toMatchObject({
        reasons: [expect.stringMatching(/^The database lacks records.stale_since: removed by hand\./)],
      });
      await mirror.salesforce.update(id, { Industry: 'Last' });
      await logSays('column \\"stale_since\\" of relation \\"records\\" does not exist');
      expect(await waiting()).toBe(1);
      expect(await industryBySql(id)).toBe(before);
      await mirror.stop();
      await expect(start()).rejects.toThrow(
        /^DATABASE_URL: column records.stale_since does not exist, .* by hand$/,
      );
      await person.query('alter table records add column stale_since timestamptz(3)');
      await start();
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Industry'] === 'Last');
      expect((await ready()).status).toBe(200);
      expect(await industry(id)).toBe('Last');
    });

    it('columns of the table of accounts that are removed or changed by hand are restored and read again without a restart', async () => {
      const [id = ''] = mirror.accountIds();
      await mirror.salesforce.update(id, { Industry: 'Kept', Site: 'North', BillingCity: 'Hull' });
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Site'] === 'North');
      await person.query('create view salesforce.of_a_user as select id, phone from salesforce.account');
      await person.query('alter table salesforce.account drop column industry cascade');
      await person.query(
        'alter table salesforce.account alter column site type varchar(2) using left(site, 2)',
      );
      await person.query('alter table salesforce.account rename column billingcity to town');
      await mirror.salesforce.update(id, { Phone: '1' });
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Phone'] === '1');
      const tableChanges = async () =>
        (await mirror.get<{ data: { detail: string }[] }>('/v1/incidents?cause=table%20changed')).data;
      await eventually('the restored fields are read', async () => (await tableChanges()).length > 0);
      await mirror.healed();
      expect((await mirror.account(id)).fields).toMatchObject({
        Industry: 'Kept',
        Site: 'North',
        BillingAddress: { City: 'Hull' },
      });
      expect(
        await mirror.sql(
          'select industry, site, billingcity, site_changed, town from salesforce.account where id = $1',
          [id],
        ),
      ).toEqual([{ industry: 'Kept', site: 'North', billingcity: 'Hull', site_changed: 'No', town: 'Hull' }]);
      expect(await mirror.sql('select phone from salesforce.of_a_user where id = $1', [id])).toEqual([
        { phone: '1' },
      ]);
      expect((await tableChanges())[0]?.detail).toMatch(/Industry|Site|BillingAddress/);
      expect(await mirror.failedEvents()).toEqual([]);
    });

    it('a long wait for a lock makes the service unready', async () => {
      const [id = ''] = mirror.accountIds();
      await person.query('begin; select from records for update');
      await mirror.salesforce.update(id, { Industry: 'Late' });
      await eventually('the change is stored', async () => (await waiting()) === 1);
      // As if it had come, and the last one had been applied, two minutes ago.
      await mirror.sql(
        `with queued as (update event_queue set received_at = received_at - interval '2 minutes')
         update event_outcomes set applied_at = applied_at - interval '2 minutes'`,
      );
      const { reasons } = (await (await ready()).json()) as { reasons: string[] };
      expect(reasons).toEqual([expect.stringMatching(/^Stored changes wait to be applied\./)]);
      await person.query('rollback');
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Industry'] === 'Late');
      expect((await ready()).status).toBe(200);
    });
  });
});
