import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError, exitCodes } from './exit.ts';

export type Address = { readonly url: string; readonly key: string };

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Where Tidemark listens, and a key for it.
 * @throws CliError where the environment names no address or there is no key
 */
export async function findTidemark(environment: NodeJS.ProcessEnv): Promise<Address> {
  const url = readUrl(environment['TIDEMARK_URL'] || 'http://127.0.0.1:3000');
  const key =
    environment['TIDEMARK_API_KEY'] || (await generatedKey(url, environment['DATA_DIR'] || '.data'));
  return { url: url.href.replace(/\/$/, ''), key };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CliError(
      `TIDEMARK_URL: "${text}" is no address such as http://127.0.0.1:3000`,
      exitCodes.usage,
    );
  }
  return url;
}

/** The key that the embedded defaults made: it is for the Tidemark of this machine, and shown to no other. */
async function generatedKey({ hostname }: URL, dataDir: string): Promise<string> {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
    throw new CliError(`TIDEMARK_API_KEY: set it to an API key of ${hostname}`, exitCodes.usage);
  }
  for (const folder of [process.cwd(), checkout]) {
    const key = await readFile(path.resolve(folder, dataDir, 'api-key'), 'utf8').catch(() => '');
    if (key !== '') return key.trim();
  }
  throw new CliError(
    `TIDEMARK_API_KEY: set it; "npm start" has generated none in ${path.join(dataDir, 'api-key')} yet`,
    exitCodes.usage,
  );
}
