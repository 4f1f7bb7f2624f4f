import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError, exitCodes } from './exit.ts';

export type Address = { readonly url: string; readonly key: string };

const checkout = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Finds the address of Tidemark and an API key.
 * @throws CliError if the address is invalid or there is no key
 */
export async function findTidemark(environment: NodeJS.ProcessEnv): Promise<Address> {
  const url = parseUrl(environment['TIDEMARK_URL'] || 'http://127.0.0.1:3000');
  const key =
    environment['TIDEMARK_API_KEY'] || (await readGeneratedKey(url, environment['DATA_DIR'] || '.data'));
  return { url: url.href.replace(/\/$/, ''), key };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CliError(
      `TIDEMARK_URL: "${text}" is not an address such as http://127.0.0.1:3000`,
      exitCodes.usage,
    );
  }
  return url;
}

/** The generated key of the embedded defaults. It is sent only to this machine. */
async function readGeneratedKey({ hostname }: URL, dataDir: string): Promise<string> {
  if (!['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) {
    throw new CliError(`TIDEMARK_API_KEY: set it to an API key of ${hostname}`, exitCodes.usage);
  }
  for (const folder of [process.cwd(), checkout]) {
    const key = await readFile(path.resolve(folder, dataDir, 'api-key'), 'utf8').catch(() => '');
    if (key !== '') return key.trim();
  }
  throw new CliError(
    `TIDEMARK_API_KEY: set it; "npm start" has not generated ${path.join(dataDir, 'api-key')} yet`,
    exitCodes.usage,
  );
}
