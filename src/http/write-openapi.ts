import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { createActivity } from '../activity.ts';
import { codeRules } from '../codes/code-rules.ts';
import { openDatabase } from '../db/database.ts';
import { createServer } from './server.ts';

const file = fileURLToPath(new URL('../../openapi.yaml', import.meta.url));

/** Generates the OpenAPI document. Does not connect to the database. */
async function generateOpenapi(): Promise<string> {
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
    codeRules: async () => codeRules({ field: 'SignUpCode__c' }),
    requestSignupCode: async () => ({ kind: 'unknown' }),
    health: async () => ({
      health: 'healthy',
      problems: [],
      freshThrough: null,
      lagMs: null,
      isCurrent: false,
      hasBeenCurrent: false,
      verifiedThrough: null,
    }),
    activity: createActivity(),
    hasSyncRole: true,
    version: packageJson.version,
  });
  await app.ready();
  const document = stringify(app.swagger(), { lineWidth: 110, aliasDuplicateObjects: false });
  await app.close();
  await database.close();
  return document;
}

/** Whether openapi.yaml matches the routes. */
export async function isOpenapiCurrent(): Promise<boolean> {
  const written = await readFile(file, 'utf8').catch(() => '');
  return written === (await generateOpenapi());
}

if (import.meta.main) {
  if (!process.argv.includes('--check')) {
    await writeFile(file, await generateOpenapi());
  } else if (!(await isOpenapiCurrent())) {
    process.stderr.write('openapi.yaml is outdated: run "npm run openapi"\n');
    process.exitCode = 1;
  }
}
