import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const files = ['src', 'simulator/src', 'console/src']
  .flatMap((folder) => readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
  .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
  .filter((file) => !/^(?:src\/db|console\/src)\/generated\//.test(file))
  .sort();
const sources = new Map(files.map((file) => [file, readFileSync(path.join(root, file), 'utf8')]));
const service = files.filter((file) => file.startsWith('src/'));

type Import = {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
  readonly isDynamic: boolean;
};

/** Every import of one of our files by another; packages keep their names as `to`. */
const imports: readonly Import[] = [...sources].flatMap(([from, text]) =>
  [
    ...text.matchAll(/^(?:import|export)\b([^;'"]*?\bfrom\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)/gm),
  ].map(([, clause = '', named, loaded]) => {
    const target = named ?? loaded ?? '';
    return {
      from,
      to: target.startsWith('.') ? path.posix.join(path.posix.dirname(from), target) : target,
      typeOnly: clause.trimStart().startsWith('type '),
      isDynamic: loaded !== undefined,
    };
  }),
);

/** `src/http/routes/root.ts` belongs to `http`, a file at the top to itself. */
const areaOf = (file: string): string => file.replace(/^src\//, '').split('/')[0] ?? '';
const isOurs = (target: string): boolean => /^(?:src|simulator|console)\//.test(target);
const offenders = (offends: (found: Import) => boolean): string[] =>
  imports.filter(offends).map(({ from, to }) => `${from} → ${to}`);

/** From the outside in: each layer may import itself, those behind it and what all may use. */
const layers: readonly (readonly string[])[] = [
  ['main.ts', 'cli.ts'],
  ['start', 'migrate.ts', 'cli'],
  ['config'],
  ['app.ts', 'app-options.ts', 'http-dependencies.ts'],
  ['pipeline.ts'],
  ['http'],
  [
    'ingest',
    'apply',
    'mirror',
    'codes',
    'fields',
    'write-back',
    'resync',
    'history',
    'maintenance',
    'incidents',
    'health',
    'operations',
  ],
  ['salesforce', 'db'],
  ['activity.ts'],
  ['egress', 'timing.ts', 'run-loop.ts', 'tracing.ts'],
  // Types alone: what the stages share.
  ['context.ts'],
];
const layerOf = (area: string): number => layers.findIndex((layer) => layer.includes(area));

/** Groups of files that import each other in a circle, types included. */
function cycles(): string[][] {
  const targets = new Map(files.map((file) => [file, new Set<string>()]));
  for (const { from, to } of imports) if (targets.has(to)) targets.get(from)?.add(to);
  // What imports nothing that is left is in no circle, nor is what nothing that is left imports.
  for (let size = -1; size !== targets.size; ) {
    size = targets.size;
    const imported = new Set([...targets.values()].flatMap((all) => [...all]));
    for (const [file, all] of targets) {
      for (const target of all) if (!targets.has(target)) all.delete(target);
      if (all.size === 0 || !imported.has(file)) targets.delete(file);
    }
  }
  return [...targets].map(([file, all]) => [file, ...all]);
}

describe('the architecture', () => {
  it('the checks read real files', () => {
    expect(files.length).toBeGreaterThan(300);
    expect(imports.length).toBeGreaterThan(1_000);
    expect(service.map(areaOf).filter((area) => layerOf(area) < 0)).toEqual([]);
  });

  it('no files import each other in a circle', () => {
    expect(cycles()).toEqual([]);
  });

  it('imports have one direction: main → app → http → stages → salesforce, db', () => {
    expect(
      offenders(
        ({ from, to }) =>
          from.startsWith('src/') &&
          to.startsWith('src/') &&
          from !== 'src/context.ts' &&
          layerOf(areaOf(to)) < layerOf(areaOf(from)),
      ),
    ).toEqual([]);
  });

  it('what the stages share consists of types', () => {
    expect(offenders(({ from, typeOnly }) => from === 'src/context.ts' && !typeOnly)).toEqual([]);
  });

  it('the service and the simulator import nothing of each other, except that a start without Salesforce loads the simulator', () => {
    const loader = 'src/start/embedded-defaults.ts';
    expect(
      offenders(
        ({ from, to }) => from.startsWith('src/') && /simulator/.test(to) && from !== loader && isForeign(to),
      ),
    ).toEqual([]);
    expect(offenders(({ from, to }) => from.startsWith('simulator/') && to.startsWith('src/'))).toEqual([]);
    const texts = [...sources].filter(([file, text]) =>
      file.startsWith('simulator/')
        ? /['"`/]src\/|\.\.\/\.\.\/\.\.\/src/.test(text)
        : /simulator\/src/.test(text),
    );
    expect(texts.map(([file]) => file)).toEqual([]);
  });

  it('the console knows only the API of the service, in layers: app → pages → components → requests', () => {
    const layers = [/\/(?:main|app)\.tsx$/, /\/pages\//, /\/components\//, /./];
    const layerOf = (file: string): number => layers.findIndex((layer) => layer.test(file));
    const own = ({ from }: Import): boolean => from.startsWith('console/');
    expect(
      offenders((found) => own(found) && isOurs(found.to) && !found.to.startsWith('console/src/')),
    ).toEqual([]);
    expect(
      offenders((found) => own(found) && isOurs(found.to) && layerOf(found.to) < layerOf(found.from)),
    ).toEqual([]);
    expect(offenders(({ from, to }) => !from.startsWith('console/') && /console\/src/.test(to))).toEqual([]);
    const packages = ['@preact/signals', 'openapi-fetch', 'preact', 'preact/hooks', 'uplot'];
    const foreign = imports.filter((found) => own(found) && !isOurs(found.to)).map(({ to }) => to);
    expect(foreign.filter((name) => !packages.includes(name) && !name.endsWith('.css'))).toEqual([]);
  });

  it('the interface of the Pub/Sub API exists once', () => {
    expect(readlinkSync(path.join(root, 'simulator/pubsub.proto'))).toBe('../src/salesforce/pubsub.proto');
  });

  it('nothing that is packed depends on the simulator', () => {
    const manifest = readFileSync(path.join(root, 'package.json'), 'utf8');
    expect(manifest).not.toContain('salesforce-simulator');
  });

  it('settings are validated before the service is imported', () => {
    const needed = new Set(['src/start/run-tidemark.ts']);
    for (const file of needed)
      for (const { from, to, typeOnly, isDynamic } of imports)
        if (from === file && !typeOnly && !isDynamic) needed.add(to);
    expect([...needed]).toContain('src/config/config.ts');
    const late = ['src/app.ts', 'fastify', 'jsforce', 'pg-boss', '@prisma/adapter-pg'];
    expect(late.filter((target) => imports.some(({ to }) => to === target))).toEqual(late);
    expect(late.filter((target) => needed.has(target))).toEqual([]);
  });

  it('only the embedded defaults, the start and the banner know the simulator', () => {
    expect(
      offenders(
        ({ from, to, typeOnly }) =>
          to === 'src/start/embedded-defaults.ts' &&
          from !== 'src/start/start-tidemark.ts' &&
          !(from === 'src/start/banner.ts' && typeOnly),
      ),
    ).toEqual([]);
  });

  it('the command line knows only the API of the service', () => {
    expect(
      offenders(
        ({ from, to, typeOnly }) =>
          areaOf(from) === 'cli' &&
          isOurs(to) &&
          areaOf(to) !== 'cli' &&
          !(areaOf(to) === 'http' && typeOnly),
      ),
    ).toEqual([]);
    expect(offenders(({ from, to }) => from === 'src/cli.ts' && isOurs(to) && areaOf(to) !== 'cli')).toEqual(
      [],
    );
  });

  it('only the API and the file that puts the service together import Fastify', () => {
    const mayUse = ['http', 'app.ts'];
    expect(
      offenders(
        ({ from, to }) => from.startsWith('src/') && /fastify/.test(to) && !mayUse.includes(areaOf(from)),
      ).filter((found) => !found.includes('→ src/')),
    ).toEqual([]);
  });

  it('Salesforce code has no database and database code has no Salesforce', () => {
    const database = /^(pg|pg-boss|@prisma\/.*)$|^src\/db\//;
    expect(offenders(({ from, to }) => areaOf(from) === 'salesforce' && database.test(to))).toEqual([]);
    expect(
      offenders(
        ({ from, to }) => areaOf(from) === 'db' && /^(jsforce|@grpc\/.*|avsc)$|^src\/salesforce\//.test(to),
      ),
    ).toEqual([]);
  });

  it('every outgoing HTTP or gRPC connection is opened by one file, except those of the command line', () => {
    const opens =
      /(?<![.\w])fetch\(|from 'undici'|\bnew (?:Client|ProxyAgent|Agent)\(|credentials\.create|https?\.(?:get|request)\(/;
    const opening = service.filter((file) => opens.test(sources.get(file) ?? ''));
    // The banner polls the own API; the command line calls it.
    const mayOpen = ['src/cli/api.ts', 'src/egress/egress.ts', 'src/start/banner.ts'];
    expect(opening.filter((file) => !mayOpen.includes(file))).toEqual([]);
    expect(opening).toContain('src/egress/egress.ts');
  });

  it('every request to the REST API has a time limit and a checked form', () => {
    const direct = service.filter((file) =>
      /connection\.(request|describe|query)\w*[(<]/i.test(sources.get(file) ?? ''),
    );
    expect(direct).toEqual(['src/salesforce/rest-call.ts']);
  });

  it('the environment is read in one place each for the service, the simulator and the command line', () => {
    const readers = [...sources].filter(([, text]) => text.includes('process.env')).map(([file]) => file);
    const mayRead = ['src/main.ts', 'src/migrate.ts', 'src/cli.ts', 'simulator/src/main.ts'];
    expect(readers.filter((file) => !mayRead.includes(file))).toEqual([]);
  });

  it('no two files of the service export functions of the same name', () => {
    // Overloads of one function are one.
    const exported = service.flatMap((file) => [
      ...new Set(
        [...(sources.get(file) ?? '').matchAll(/^export (?:async )?function\*? (\w+)/gm)].map(
          ([, name]) => name,
        ),
      ),
    ]);
    expect(exported.filter((name, index) => exported.indexOf(name) !== index)).toEqual([]);
  });

  it('a file over 300 lines gives the reason in its first line', () => {
    const long = [...sources].filter(
      ([, text]) => text.split('\n').length > 301 && !/^(\/\/|\/\*)/.test(text),
    );
    expect(long.map(([file, text]) => `${file}: ${text.split('\n').length} lines`)).toEqual([]);
  });

  it('no file has a name without meaning', () => {
    const empty = /(^|-)(utils?|helpers?|common|manager|service|impl|misc)(-|$)/;
    const named = files.filter((file) => empty.test(path.basename(file).replace(/\.tsx?$/, '')));
    // The Pub/Sub API calls itself a service.
    expect(named.filter((file) => file !== 'simulator/src/pubsub/service.ts')).toEqual([]);
  });

  it('each prepared statement has its own name: a connection refuses another statement of the same name', () => {
    const names = service.flatMap((file) =>
      [...(sources.get(file) ?? '').matchAll(/\bname: '([\w-]+)',\s*(?:\/\/[^\n]*\s*)*text:/g)].map(
        ([, name]) => name,
      ),
    );
    expect(names.length).toBeGreaterThan(150);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

/** Whether an import leads into the simulator's package. */
function isForeign(target: string): boolean {
  return target.startsWith('simulator/') || target.startsWith('salesforce-simulator');
}
