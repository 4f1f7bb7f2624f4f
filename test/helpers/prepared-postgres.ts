import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const variable = 'TIDEMARK_TEST_POSTGRES';

/** Of every server that tests start. */
export const databasePassword = 'test-only-database-password';

/** Keeps a copy of the files of a stopped server for the tests that need one of their own. */
export function preparePostgres(stopped: string, copy: string): void {
  execFileSync('cp', ['-a', stopped, copy]);
  process.env[variable] = copy;
}

/** Puts the prepared files into a folder without any. If none are prepared, the server creates its files. */
export function copyPostgres(folder: string): void {
  const prepared = process.env[variable];
  if (prepared === undefined || existsSync(path.join(folder, 'PG_VERSION'))) return;
  execFileSync('cp', ['-a', `${prepared}/.`, folder]);
}
