import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { buildApp } from '../../src/app.ts';

/** One textual change of the service's source. */
export type Defect = {
  /** What is wrong with it, in words. */
  readonly name: string;
  /** Below `src`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
};

export type Planted = {
  readonly buildApp: typeof buildApp;
  /** Removes the copy. */
  remove(): Promise<void>;
};

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The service built from a copy of its source in which one thing is different. The copy lies in a folder of the
 * project that git, the linter and the compiler don't look into, so that it finds the same packages.
 *
 * @throws where the text to replace isn't there exactly once: the source has moved on, and the defect has to follow
 */
export async function plantDefect({ file, find, replace }: Defect): Promise<Planted> {
  const original = await readFile(path.join(root, 'src', file), 'utf8');
  const found = original.split(find).length - 1;
  if (found !== 1) throw new Error(`src/${file} has ${found} times, instead of once: ${find}`);
  const folder = await copySource();
  await writeFile(
    path.join(folder, 'src', file),
    original.replace(find, () => replace),
  );
  const app: { buildApp: typeof buildApp } = await import(
    pathToFileURL(path.join(folder, 'src/app.ts')).href
  );
  return { buildApp: app.buildApp, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** What the service consists of, without the sandbox org; what is generated and the migrations are shared. */
async function copySource(): Promise<string> {
  const parent = path.join(root, '.planted');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(path.join(parent, 'src-'));
  const shared = ['src/db/generated', 'prisma'];
  const left = [...shared, 'src/sandbox', 'src/main.ts', 'src/start/embedded-defaults.ts'];
  const skipped = new Set(left.map((name) => path.join(root, name)));
  await cp(path.join(root, 'src'), path.join(folder, 'src'), {
    recursive: true,
    filter: (source) => !skipped.has(source),
  });
  for (const name of shared) await symlink(path.join(root, name), path.join(folder, name));
  await cp(path.join(root, 'package.json'), path.join(folder, 'package.json'));
  return folder;
}
