import { execFileSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Builds the web console if its build is missing or older than its sources. Without its packages it stays missing. */
export function buildConsole(): void {
  const modified = (file: string): number => statSync(root + file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = globSync(['console/src/**/*', 'console/*.{html,json,ts}'], {
    cwd: root,
    exclude: ['**/generated/**'],
  });
  const newest = Math.max(...[...sources, 'openapi.yaml'].map(modified));
  if (modified('console/dist/index.html') > newest) return;
  try {
    execFileSync('npm', ['run', 'build', '--workspace', 'tidemark-console'], { cwd: root, stdio: 'pipe' });
  } catch (error) {
    process.stderr.write(`the console was not built: ${error}\n`);
  }
}
