import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { openReplica, type Replica } from '../../src/db/replica.ts';
import { prepareMirror } from '../../src/mirror/prepare-mirror.ts';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import { type StandbyServer, startStandby } from '../helpers/standby-server.ts';
import { makeAccountsWritable } from '../helpers/writable-accounts.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const id = '001000000000001AAA';
const hourMs = 3_600_000;

describe('a read replica', { timeout: 60_000 }, () => {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let standby: StandbyServer;
  let primary: Database;
  /** Takes what the replica says for fresh enough for an hour, so that it shows who was asked. */
  let patient: Replica;
  let strict: Replica;
  /** Two processes that share the databases. */
  let first: TestServer;
  let second: TestServer;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(fastFolder(), 'tidemark-replica-'));
    const options = { folder: path.join(folder, 'primary'), password: 'test', settings: ['fsync=off'] };
    postgres = await startEmbeddedPostgres(options);
    primary = openDatabase({ url: postgres.url });
    await migrate(primary.pool);
    await prepareMirror(primary.pool, { schema: 'salesforce', codeField: 'SignUpCode__c' });
    await makeAccountsWritable(primary.pool);
    await primary.pool.query(
      `insert into accounts (id, fields, name, base_version, field_versions, version, synced_at, changed_at)
       values ($1, '{"Name": "Old"}', 'Old', '1.1.1.0', '{}', '1.1.1.0', now(), now())`,
      [id],
    );
    const copied = { url: postgres.url, folder: options.folder };
    standby = await startStandby(copied, path.join(folder, 'standby'), 'reader');
    const replica = (maxStalenessMs: number) =>
      openReplica({ url: standby.url, primary: primary.pool, onError: () => {}, maxStalenessMs });
    patient = replica(hourMs);
    strict = replica(500);
    first = await startServer({ databaseUrl: postgres.url, overrides: { replica: patient } });
    second = await startServer({ databaseUrl: postgres.url, overrides: { replica: patient } });
  }, 60_000);
  afterAll(async () => {
    for (const server of [first, second]) await server?.close();
    for (const replica of [patient, strict]) await replica?.close();
    await primary?.close();
    await standby?.stop();
    await postgres?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const nameOf = async (server: TestServer, headers: Record<string, string> = {}): Promise<unknown> => {
    const answer = await server.send('get', `/v1/accounts/${id}`, { headers });
    expect(answer.status).toBe(200);
    return answer.body.name;
  };
  const rename = (name: string) => primary.pool.query('update accounts set name = $1', [name]);

  it('accounts and events are read from a replica that is up to date, else from the primary', async () => {
    await eventually('both know how far behind it is', () => patient.serves() && strict.serves());
    await standby.rows('select pg_wal_replay_pause()');
    await rename('New');
    expect(await nameOf(first)).toBe('Old');
    const list = await first.send('get', '/v1/accounts');
    expect(list.body.data[0].name).toBe('Old');
    const careful = await startServer({ databaseUrl: postgres.url, overrides: { replica: strict } });
    await eventually('it is too far behind', async () => (await nameOf(careful)) === 'New');
    expect((await careful.send('get', '/v1/status')).body.replica).toMatchObject({ serves: false });
    await standby.rows('select pg_wal_replay_resume()');
    await eventually('it is close behind again', () => strict.serves());
    expect((await careful.send('get', '/v1/status')).body.replica).toMatchObject({ serves: true });
    await careful.close();
    await eventually('it has replayed the change', async () => (await nameOf(first)) === 'New');
  });

  it('a client reads its own writes from every process by the log position that it was given', async () => {
    await standby.rows('select pg_wal_replay_pause()');
    const written = await first.send('post', `/v1/accounts/${id}/signup-code`, { key: keys.write });
    expect(written.status).toBeLessThan(300);
    const token = { 'tidemark-consistency': String(written.headers['tidemark-consistency']) };
    const codeOf = async (headers = {}) =>
      (await second.send('get', `/v1/accounts/${id}`, { headers })).body.pendingSignupCode;
    expect(await codeOf(token)).toMatch(/^MADE/);
    expect(await codeOf()).toBeNull();
    await standby.rows('select pg_wal_replay_resume()');
    await eventually('the replica has it too', async () => (await codeOf()) !== null);
  });

  it('an unknown log position is refused', async () => {
    const headers = { 'tidemark-consistency': 'yesterday' };
    const answer = await first.send('get', '/v1/accounts', { headers });
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toMatchObject([{ field: 'Tidemark-Consistency' }]);
  });

  it('a replica of another database is never read', async () => {
    const other = new URL(standby.url);
    other.pathname = '/postgres';
    const replica = openReplica({
      url: other.href,
      primary: primary.pool,
      onError: () => {},
      maxStalenessMs: hourMs,
    });
    const looks = async () =>
      (
        await standby.rows(
          `select from pg_stat_activity where datname = 'postgres' and query like '%replay_lsn%'`,
        )
      ).length;
    await eventually('it was looked at', async () => (await looks()) > 0);
    await eventually('the other one is in use', () => patient.serves());
    expect(replica.serves()).toBe(false);
    await replica.close();
  });

  it('the primary answers at once when the replica is gone and no request is lost', async () => {
    await eventually('it serves', () => patient.serves());
    expect(await nameOf(first)).toBe('New');
    const { database } = patient;
    // As it was looked at a moment before.
    const replica = { database, serves: () => true, behindMs: () => 0 };
    const unaware = await startServer({ databaseUrl: postgres.url, overrides: { replica } });
    await standby.stop();
    for (const resource of [`/v1/accounts/${id}`, '/v1/accounts', '/v1/events', `/v1/accounts/${id}/events`])
      expect((await unaware.send('get', resource)).status).toBe(200);
    await unaware.close();
    for (let n = 0; n < 20; n++) expect(await nameOf(first)).toBe('New');
    await rename('Newest');
    expect(await nameOf(first)).toBe('Newest');
    expect((await first.send('get', '/v1/status')).body.replica).toEqual({
      serves: false,
      behindMilliseconds: null,
    });
  });
});
