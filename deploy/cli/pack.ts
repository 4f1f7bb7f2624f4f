// `npm pack` packs the command line alone. `prepack` bundles it into dist and replaces package.json and README.md with
// those of the package; `postpack` restores them. If npm is stopped in between, restore them with
// `git checkout package.json README.md`.
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

const root = fileURLToPath(new URL('../../', import.meta.url));
const inRoot = (...names: string[]): string => path.join(root, ...names);
const replaced = ['package.json', 'README.md'];
const backupOf = (file: string): string => inRoot('dist', `${file}.backup`);

async function prepack(): Promise<void> {
  rmSync(inRoot('dist'), { recursive: true, force: true });
  const { output } = await build({
    cwd: root,
    input: 'src/cli.ts',
    platform: 'node',
    output: { dir: 'dist', chunkFileNames: '[name].js' },
  });
  const bundled = output.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.moduleIds : []));
  writeFileSync(inRoot('dist', 'LICENSES'), licensesOf(bundled));
  for (const file of replaced) copyFileSync(inRoot(file), backupOf(file));
  writeFileSync(inRoot('package.json'), `${JSON.stringify(manifest(), null, 2)}\n`);
  copyFileSync(inRoot('deploy', 'cli', 'README.md'), inRoot('README.md'));
}

function postpack(): void {
  for (const file of replaced) copyFileSync(backupOf(file), inRoot(file));
}

/** The package.json of the package: everything is bundled, so there are no dependencies. */
function manifest(): object {
  const { name, version, license, type, files } = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'));
  return {
    name,
    version,
    description: 'Command line of Tidemark: shows the status of a running service and controls it.',
    license,
    private: true,
    type,
    bin: { tidemark: 'dist/cli.js' },
    files,
    engines: { node: '>=22.12' },
  };
}

/** The licenses of the bundled packages. */
function licensesOf(modules: readonly string[]): string {
  const folders = modules.flatMap((module) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(module) ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no license file`);
    return `${path.basename(folder)}\n\n${readFileSync(path.join(folder, file), 'utf8').trim()}\n`;
  });
  return texts.join('\n----\n\n');
}

if (process.argv[2] === 'prepack') await prepack();
else postpack();
