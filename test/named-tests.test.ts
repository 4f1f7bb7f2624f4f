import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const read = (file: string): string => readFileSync(`${root}${file}`, 'utf8');

/** Every `file`: "name", "another name" of a page. */
const named = (page: string): { file: string; name: string }[] =>
  [...page.matchAll(/`([\w./-]+\.test\.ts)`: ((?:"[^"]+"(?:, )?)+)/g)].flatMap(([, file = '', names = '']) =>
    [...names.matchAll(/"([^"]+)"/g)].map(([, name = '']) => ({ file, name })),
  );

const pages = [
  'docs/faults/events.md',
  'docs/faults/process-and-database.md',
  'docs/faults/resyncs-and-api.md',
  'docs/field-failures.md',
  'docs/reliability.md',
  'docs/security.md',
];

describe.each(pages)('%s', (page) => {
  it('every named test exists', () => {
    const tests = named(read(page));
    expect(tests.length).toBeGreaterThan(15);
    const missing = tests.filter(
      ({ file, name }) => !existsSync(`${root}test/${file}`) || !read(`test/${file}`).includes(name),
    );
    expect(missing).toEqual([]);
  });
});

describe('docs/field-failures.md', () => {
  it('the rows are numbered without a gap', () => {
    const numbers = [...read('docs/field-failures.md').matchAll(/^\| (\d+) \|/gm)].map(([, n]) => Number(n));
    expect(numbers.length).toBeGreaterThanOrEqual(45);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});

describe('docs/architecture.md', () => {
  it('every function that it names is in the file that it names', () => {
    const places = [...read('docs/architecture.md').matchAll(/`(\w+)`\s+\(`(src\/[\w./-]+\.ts)`\)/g)];
    expect(places.length).toBeGreaterThan(30);
    const missing = places
      .map(([, name = '', file = '']) => ({ name, file }))
      .filter(
        ({ name, file }) => !existsSync(`${root}${file}`) || !new RegExp(`\\b${name}\\b`).test(read(file)),
      );
    expect(missing).toEqual([]);
  });
});
