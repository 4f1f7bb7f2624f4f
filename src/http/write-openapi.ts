import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { openDatabase } from '../db/database.ts';
import { createServer } from './server.ts';

const file = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

/** The OpenAPI document as it is kept in the repository. Needs no database: nothing connects. */
export async function describedApi(): Promise<string> {
  const database = openDatabase({ url: 'postgres://nobody@localhost/none' });
  const app = await createServer({
    ...database,
    apiKeys: [],
    topic: '',
    signupCodeField: '',
    indexedFields: [],
    logger: false,
    decodeEvents: async () => [],
    fieldNames: async () => [],
    fieldParts: async () => new Map(),
    enqueueResync: async () => {},
    wakeUps: { next: async () => {} },
    requestSignupCode: async () => ({ kind: 'unknown' }),
    health: async () => ({
      health: 'healthy',
      problems: [],
      freshThrough: null,
      lagMs: null,
      verifiedThrough: null,
    }),
    mirrors: true,
    version: packageJson.version,
  });
  await app.ready();
  const document = stringify(app.swagger(), { lineWidth: 110, aliasDuplicateObjects: false });
  await app.close();
  await database.close();
  return document;
}

/** Whether the file in the repository says what the routes say. */
export async function isCurrent(): Promise<boolean> {
  const written = await readFile(file, 'utf8').catch(() => '');
  return written === (await describedApi());
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    await writeFile(file, await describedApi());
  } else if (!(await isCurrent())) {
    process.stderr.write('openapi.yaml is not current: run "npm run openapi"\n');
    process.exitCode = 1;
  }
}
