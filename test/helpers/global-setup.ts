import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { pino } from 'pino';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { startJobs } from '../../src/db/jobs.ts';
import { migrate } from '../../src/db/migrate.ts';
import { maintainIndexes } from '../../src/mirror/maintain-indexes.ts';
import { prepareMirror } from '../../src/mirror/prepare-mirror.ts';
import { buildConsole } from './build-console.ts';
import { bundleService } from './bundled-service.ts';
import { fastFolder } from './fast-folder.ts';
import { databasePassword, preparePostgres } from './prepared-postgres.ts';
import { findSecrets, keepLogsIn } from './secrets-in-logs.ts';
import { makeAccountsWritable } from './writable-accounts.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Connection string of the maintenance database of the test server. */
    postgresUrl: string;
  }
}

/**
 * One PostgreSQL for the whole run, with a migrated template that each test file clones. Fault tests have servers and
 * processes of their own, which start sooner from files that are prepared here.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  buildConsole();
  const folder = await mkdtemp(path.join(fastFolder(), 'tidemark-test-'));
  const logs = path.join(folder, 'logs');
  mkdirSync(logs);
  keepLogsIn(logs);
  const startServer = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({
      folder: path.join(folder, 'postgres'),
      password: databasePassword,
      settings: [
        'fsync=off',
        'synchronous_commit=off',
        'full_page_writes=off',
        'autovacuum=off',
        'max_connections=300',
      ],
    });
  let server = await startServer();
  let removeBundle = (): void => {};
  // A run that is broken off does not get to its end: the server goes with it all the same.
  const abandon = (): void => {
    process.kill(server.pid, 'SIGQUIT');
    rmSync(folder, { recursive: true, force: true });
    removeBundle();
  };
  const onSignal = (): never => process.exit(1);
  process.once('exit', abandon).once('SIGTERM', onSignal).once('SIGHUP', onSignal);
  await createTables(server.url);
  if (project.vitest.projects.some(({ name }) => name === 'chaos')) {
    await server.stop();
    preparePostgres(path.join(folder, 'postgres'), path.join(folder, 'prepared'));
    server = await startServer();
    removeBundle = await bundleService();
  }
  await makeTemplate(server.url);
  project.provide('postgresUrl', server.url.replace(/\/tidemark$/, '/postgres'));
  return async () => {
    process.off('exit', abandon).off('SIGTERM', onSignal).off('SIGHUP', onSignal);
    await server.stop();
    const found = await findSecrets(logs);
    await rm(folder, { recursive: true, force: true });
    removeBundle();
    if (found.length > 0) {
      const shown = found.slice(0, 20).join('\n');
      throw new Error(`${found.length} lines that were logged hold a secret:\n${shown}`);
    }
  };
}

const logger = pino({ level: 'silent' });

async function createTables(url: string): Promise<void> {
  const database = openDatabase({ url });
  await migrate(database.pool);
  // The job queue makes its own tables, which takes longer than all migrations.
  await (await startJobs(database.pool, logger)).stop();
  await database.close();
}

async function makeTemplate(url: string): Promise<void> {
  const database = openDatabase({ url });
  await prepareMirror(database.pool, { schema: 'salesforce', codeField: 'SignUpCode__c' });
  await makeAccountsWritable(database.pool);
  await maintainIndexes(
    { pool: database.pool, databaseUrl: url, fields: [], logger },
    new AbortController().signal,
  );
  await database.close();
  const client = new pg.Client({ connectionString: url.replace(/\/tidemark$/, '/postgres') });
  await client.connect();
  // Each connection of each test signs in: 4,096 rounds of hashing on both sides prove nothing here.
  await client.query(`set scram_iterations = 1; alter role postgres password '${databasePassword}'`);
  await client.query('alter database tidemark rename to template_tidemark');
  await client.end();
}
