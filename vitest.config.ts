import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

// Each worker imports the same packages: they are compiled once.
process.env['NODE_COMPILE_CACHE'] ??= path.join(tmpdir(), 'node-compile-cache');

const everything = ['test/**/*.test.ts'];
const withPostgres = ['test/**/*.pg.test.ts'];
/** The service as a whole, or processes and database servers of a test's own. */
const e2e = [
  'test/e2e/**/*.test.ts',
  'test/cli/**/*.test.ts',
  'test/deploy.test.ts',
  'test/sql-guide.test.ts',
];
/** Pages in Chromium. */
const browser = ['test/browser/**/*.test.ts'];
/** Kill, fault and mutation tests. */
const chaos = ['test/chaos/**/*.test.ts', 'test/mutation/**/*.test.ts'];
const others = [...e2e, ...browser, ...chaos];

const project = (
  name: string,
  test: TestProjectInlineConfiguration['test'],
): TestProjectInlineConfiguration => ({
  test: { name, testTimeout: 180_000, hookTimeout: 180_000, ...test },
});

export default defineConfig({
  test: {
    globalSetup: ['test/helpers/global-setup.ts'],
    // Most of a test is waiting: more workers than cores keep two cores busy.
    maxWorkers: 4,
    projects: [
      project('unit', {
        include: everything,
        exclude: [...withPostgres, ...others],
        isolate: false,
        // They compute and do not wait. What they test is loaded once for each worker.
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      project('pg', { include: withPostgres, exclude: others, isolate: false }),
      project('e2e', { include: e2e, isolate: false }),
      project('browser', { include: browser, isolate: false }),
      'simulator',
      project('chaos', { include: chaos, isolate: false }),
    ],
  },
});
