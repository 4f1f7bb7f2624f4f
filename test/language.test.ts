import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Phrases that documentation of software does not use, and what to write instead. */
const replacements: Readonly<Record<string, string>> = {
  untold: 'unknown, not reported',
  'unless told': 'by default',
  whoever: 'the client, the process, the user',
  anew: 'again',
  'for ever': 'permanently, without a limit',
  'on record': 'stored',
  'gone on with': 'continued',
  'is begun': 'starts',
};

/** Names of columns, which stay as the migrations made them. */
const columnNames: Readonly<Record<string, readonly string[]>> = {
  untold: ['prisma/schema.prisma', 'src/history/history-rows.ts', 'src/history/list-entries.ts'],
};
/** An error message of Salesforce: "duplicates value on record with id". */
const quoted = /^on record with id/;

const checked = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  '.github',
  'docs',
  'deploy',
  'bench',
  'openapi.yaml',
  'prisma/schema.prisma',
  'console',
  'simulator',
  'src',
];
/** Written by programs. */
const skipped = ['src/db/generated/', 'console/src/generated/', 'node_modules/'];

function filesIn(name: string): string[] {
  if (statSync(path.join(root, name)).isFile()) return [name];
  return readdirSync(path.join(root, name), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:tsx?|css|html|md|ya?ml|prisma|json|proto)$/.test(entry.name))
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .filter((file) => !skipped.some((folder) => file.includes(folder)));
}

/** `file:line: "phrase"; write …`. Case, comment marks and line breaks make no difference. */
function findings(file: string, text: string): string[] {
  return Object.entries(replacements).flatMap(([phrase, better]) => {
    if (columnNames[phrase]?.includes(file)) return [];
    const pattern = new RegExp(`\\b${phrase.replaceAll(' ', '[\\s*/#]+')}\\b`, 'gi');
    return [...text.matchAll(pattern)]
      .filter(({ index }) => !quoted.test(text.slice(index)))
      .map(({ index }) => {
        const line = text.slice(0, index).split('\n').length;
        return `${file}:${line}: "${phrase}"; write: ${better}`;
      });
  });
}

describe('the language of code and documentation', () => {
  it.each(checked)('the files in %s use standard terms', (name) => {
    const files = filesIn(name);
    expect(files.length).toBeGreaterThan(0);
    expect(files.flatMap((file) => findings(file, readFileSync(path.join(root, file), 'utf8')))).toEqual([]);
  });

  it('a phrase is found across lines and in any case, but not inside a word', () => {
    expect(findings('x.ts', '/**\n * Kept For\n * ever.\n */')).toEqual([
      'x.ts:2: "for ever"; write: permanently, without a limit',
    ]);
    expect(findings('x.ts', 'Forever and a newer one')).toEqual([]);
  });
});
