import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { settings } from '../src/config/settings.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

type Setting = {
  readonly default?: unknown;
  readonly description?: string;
  readonly anyOf?: readonly { readonly const?: unknown }[];
};

/** The settings as the README shows them. */
function settingsTable(): string {
  const known: Record<string, Setting> = JSON.parse(JSON.stringify(settings.properties));
  const rows = Object.entries(known).map(([name, setting]) => {
    const value = setting.default === undefined ? '' : `\`${String(setting.default)}\``;
    const choices = setting.anyOf?.map((choice) => `\`${String(choice.const)}\``).join(', ');
    return `| \`${name}\` | ${value} | ${setting.description}${choices === undefined ? '' : `: ${choices}`} |`;
  });
  return ['| name | default | meaning |', '|---|---|---|', ...rows].join('\n');
}

describe('the README', () => {
  it('the README lists every setting as the code has it', () => {
    expect(readme).toContain(settingsTable());
  });

  it('the README names only commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run ([a-z:]+(?:-[a-z]+)*)/g)].map(([, name]) => name);
    expect(named.filter((name) => name === undefined || scripts[name] === undefined)).toEqual([]);
  });
});
