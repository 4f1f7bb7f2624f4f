import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
  .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  .filter((file) => !file.startsWith('db/generated/'))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));

type Import = { readonly from: string; readonly to: string; readonly typeOnly: boolean };

/** Every import of one of our files by another; packages keep their names as `to`. */
const imports: readonly Import[] = [...sources].flatMap(([from, text]) =>
  [...text.matchAll(/^(?:import|export)\b([^;'"]*?\bfrom\s*)?['"]([^'"]+)['"]/gm)].map(
    ([, clause = '', target = '']) => ({
      from,
      to: target.startsWith('.') ? path.posix.join(path.posix.dirname(from), target) : target,
      typeOnly: clause.trimStart().startsWith('type '),
    }),
  ),
);

/** `http/routes/root.ts` belongs to `http`, a file at the top to itself. */
const areaOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : file);
const isOurs = (target: string): boolean => target.endsWith('.ts') || target.startsWith('db/');
const offenders = (offends: (found: Import) => boolean): string[] =>
  imports.filter(offends).map(({ from, to }) => `${from} → ${to}`);

/** What each area may use besides itself; `*.ts` at the top are named one by one. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  salesforce: ['timing.ts'],
  db: [],
  simulator: [],
  sync: ['salesforce', 'db', 'timing.ts'],
  http: ['sync', 'salesforce', 'db'],
  cli: ['http'],
};

describe('the architecture', () => {
  it('the checks read real files', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(imports.length).toBeGreaterThan(300);
  });

  it('imports have one direction: http → sync → salesforce, db', () => {
    expect(
      offenders(({ from, to }) => {
        const uses = allowed[areaOf(from)];
        return uses !== undefined && isOurs(to) && areaOf(to) !== areaOf(from) && !uses.includes(areaOf(to));
      }),
    ).toEqual([]);
  });

  it('only the embedded defaults import both the service and the simulator', () => {
    const doors = ['start/embedded-defaults.ts'];
    expect(
      offenders(
        ({ from, to }) => areaOf(to) === 'simulator' && areaOf(from) !== 'simulator' && !doors.includes(from),
      ),
    ).toEqual([]);
    expect(
      offenders(
        ({ from, to, typeOnly }) =>
          to === 'start/embedded-defaults.ts' &&
          from !== 'main.ts' &&
          !(from === 'start/welcome.ts' && typeOnly),
      ),
    ).toEqual([]);
  });

  it('the command line knows only the API of the service', () => {
    expect(
      offenders(({ from, to, typeOnly }) => areaOf(from) === 'cli' && areaOf(to) === 'http' && !typeOnly),
    ).toEqual([]);
    expect(offenders(({ from, to }) => from === 'cli.ts' && isOurs(to) && areaOf(to) !== 'cli')).toEqual([]);
    expect(
      offenders(({ from, to }) => areaOf(to) === 'cli' && !['cli', 'cli.ts'].includes(areaOf(from))),
    ).toEqual([]);
  });

  it('only the start-up files import main, app and config', () => {
    expect(
      offenders(
        ({ from, to }) =>
          ['main.ts', 'app.ts', 'config.ts'].includes(to) && from.includes('/') && !from.startsWith('start/'),
      ),
    ).toEqual([]);
  });

  it('only the plugin of the pipeline imports Fastify', () => {
    expect(
      offenders(({ from, to }) => areaOf(from) === 'sync' && /fastify/.test(to) && from !== 'sync/plugin.ts'),
    ).toEqual([]);
  });

  it('Salesforce code has no database and database code has no Salesforce', () => {
    const database = /^(pg|pg-boss|@prisma\/.*)$/;
    expect(offenders(({ from, to }) => areaOf(from) === 'salesforce' && database.test(to))).toEqual([]);
    expect(
      offenders(({ from, to }) => areaOf(from) === 'db' && /^(jsforce|@grpc\/.*|avsc)$/.test(to)),
    ).toEqual([]);
  });

  it('the environment is read in one place each for the service, the simulator and the command line', () => {
    const readers = [...sources].filter(([, text]) => text.includes('process.env')).map(([file]) => file);
    expect(
      readers.filter((file) => !['main.ts', 'migrate.ts', 'cli.ts', 'simulator/main.ts'].includes(file)),
    ).toEqual([]);
  });

  it('a file over 300 lines gives the reason in its first line', () => {
    const long = [...sources].filter(
      ([, text]) => text.split('\n').length > 301 && !/^(\/\/|\/\*)/.test(text),
    );
    expect(long.map(([file, text]) => `${file}: ${text.split('\n').length} lines`)).toEqual([]);
  });

  it('no file has a name without meaning', () => {
    const empty = /(^|-)(utils?|helpers?|common|manager|service|impl|misc)(-|$)/;
    const named = files.filter((file) => empty.test(path.basename(file, '.ts')));
    // The Pub/Sub API calls itself a service.
    expect(named.filter((file) => file !== 'simulator/pubsub-service.ts')).toEqual([]);
  });
});
