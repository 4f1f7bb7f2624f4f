import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const folder = fileURLToPath(new URL('./', import.meta.url));
const files = globSync('**/*.test.ts', { cwd: folder });

/** `it('title',`, `it.skipIf(…)('title',` and `it.each(…)('title',`. */
const call =
  /^ *(?:it|test)\b(?:\.\w+)*(?:<[^\n]*>)?(?:\([\s\S]*?\))??\(\s*(?<quote>['"`])(?<title>(?:\\.|(?!\k<quote>).)*)\k<quote>,/gm;

const titles = files.flatMap((file) =>
  [...readFileSync(folder + file, 'utf8').matchAll(call)].map((match) => ({
    file,
    title: match.groups?.['title'] ?? '',
  })),
);

const continues =
  /^(?:and|but|also|or|that|which|who|whose|when|while|where|if|by|with|without|for|from|of|to|in|on|as|is|are|was|has|have|does|can|may|must|not)\b/;

describe('the title of a test', () => {
  it('the titles are found in real files', () => {
    expect(titles.length).toBeGreaterThan(1_000);
  });

  it('a title has at least three words', () => {
    expect(titles.filter(({ title }) => title.split(/\s+/).length < 3)).toEqual([]);
  });

  it('a title is a sentence of its own and does not continue the one of its describe block', () => {
    expect(titles.filter(({ title }) => continues.test(title))).toEqual([]);
  });

  it('a title is used once in a file', () => {
    const lines = titles.map(({ file, title }) => `${file}: ${title}`);
    expect(lines.filter((line, index) => lines.indexOf(line) !== index)).toEqual([]);
  });
});
