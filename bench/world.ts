import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import type { BenchOrg } from './org.ts';
import { type BenchService, startBenchService } from './service-process.ts';

export const benchKey = 'only-for-the-benchmark';
export const servicePort = process.env['BENCH_PORT'] ?? '3987';
export const serviceUrl = `http://127.0.0.1:${servicePort}`;
export const withKey = { authorization: `Bearer ${benchKey}` };

export type BenchDatabase = {
  readonly url: string;
  rows<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  count(sql: string): Promise<number>;
  /** Waits until the count of the query has reached this value. */
  until(sql: string, wanted: number): Promise<void>;
  readonly pool: pg.Pool;
  drop(): Promise<void>;
};

export type World = {
  readonly folder: string;
  readonly postgres: EmbeddedPostgres;
  createDatabase(): Promise<BenchDatabase>;
  startService(url: string, org: BenchOrg, env?: Readonly<Record<string, string>>): Promise<BenchService>;
  close(): Promise<void>;
};

// What PostgreSQL's guide gives a server of its own: its default is meant for the smallest of machines.
const sharedBuffers = `shared_buffers=${Math.floor(totalmem() / 4 / 1024 ** 2)}MB`;

/** A PostgreSQL with its default settings except for that one, on loopback, for one run of the benchmarks. */
export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-bench-'));
  const postgres = await startEmbeddedPostgres({
    folder: path.join(folder, 'postgres'),
    password: 'bench',
    settings: [sharedBuffers],
  });
  let databases = 0;
  return {
    folder,
    postgres,
    createDatabase: () => createDatabase(postgres.url, `bench_${++databases}`),
    async startService(url, org, env) {
      const certificate = path.join(folder, `org-${org.pid}.pem`);
      await writeFile(certificate, org.certificate);
      return startBenchService(
        url,
        { ...org, credentials: org },
        {
          apiKeys: `bench:read+write:${benchKey}`,
          port: servicePort,
          env: { PUBSUB_TLS: 'true', PUBSUB_CA_FILE: certificate, REPLAY_PRESET: 'earliest', ...env },
        },
      );
    },
    async close() {
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createDatabase(server: string, name: string): Promise<BenchDatabase> {
  const admin = new pg.Pool({ connectionString: server, max: 1 });
  await admin.query(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const pool = new pg.Pool({ connectionString: url.href, max: 2 });
  for (const each of [admin, pool]) each.on('error', () => {});
  const rows = async <Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]) =>
    (await pool.query<Row>(sql, values as unknown[])).rows;
  const count = async (sql: string): Promise<number> =>
    Number((await rows<{ count: string }>(sql))[0]?.count ?? 0);
  return {
    url: url.href,
    rows,
    count,
    pool,
    async until(sql, wanted) {
      // The tables come with the service's first start.
      while ((await count(sql).catch(() => 0)) < wanted) await pause(50);
    },
    async drop() {
      await pool.end();
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

export const loaded = 'select count(*) from subscriptions where loaded_at is not null';
// Queried many times a second on long tables: counting the rows would distort the measurement.
export const storedCount = 'select coalesce(max(id), 0) as count from events';
export const appliedCount =
  'select case when is_called then last_value else 0 end as count from event_positions';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** @param share 0.99 for the value that 99 of 100 stay below */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
