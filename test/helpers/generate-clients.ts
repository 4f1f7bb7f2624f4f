// Generates two clients from openapi.yaml into a folder: `generate-clients.ts <folder>`. A process of its own, because the
// generators load another TypeScript.
import './use-typescript-5.ts';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = process.argv[2] ?? '';
const document = new URL('../../openapi.yaml', import.meta.url);
const fromConsole = new URL('../../console/node_modules/', import.meta.url);

const { default: openapiTypescript, astToString } = await import(
  new URL('openapi-typescript/dist/index.mjs', fromConsole).href
);
await writeFile(path.join(folder, 'api.d.ts'), astToString(await openapiTypescript(document)));

const { createClient } = await import('@hey-api/openapi-ts');
await createClient({
  input: fileURLToPath(document),
  output: path.join(folder, 'hey-api'),
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
  logs: { level: 'silent' },
});
