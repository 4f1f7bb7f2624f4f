import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'rolldown';

const variable = 'TIDEMARK_TEST_SERVICE';

/** What `node` runs for a service in a process of its own. */
export const serviceFile = (): string => process.env[variable] ?? 'src/main.ts';

/**
 * Puts the service and its packages into a few files, for the processes that tests start: loading its 2,500 modules is a
 * third of what a start takes of the machine. Modules find their files where they are.
 *
 * @returns removes the files
 */
export async function bundleService(): Promise<() => void> {
  // Packages whose names are known only at run time are found from here.
  const folder = mkdtempSync(path.join(packages, '.tidemark-test-'));
  await build({
    input: 'src/main.ts',
    platform: 'node',
    plugins: [{ name: 'own-place', transform: { filter: { code: ownPlace }, handler: keepPlace } }],
    output: { dir: folder, chunkFileNames: '[name].js', keepNames: true },
  });
  // Compiles the modules. A process that is killed would not keep what it compiled.
  execFileSync(process.execPath, [path.join(folder, 'run-tidemark.js')]);
  process.env[variable] = path.join(folder, 'main.js');
  return () => rmSync(folder, { recursive: true, force: true });
}

const packages = fileURLToPath(new URL('../../node_modules/', import.meta.url));

const ownPlace = /\b(import\.meta\.url|__dirname|__filename)\b/;

function keepPlace(code: string, file: string): string {
  if (code.includes('import.meta.url'))
    return code.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(file).href));
  const [folder, name] = [path.dirname(file), file].map((text) => JSON.stringify(text));
  return `var __dirname = ${folder}, __filename = ${name};\n${code}`;
}
