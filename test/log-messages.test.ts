import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ESTree, parseSync, Visitor } from 'rolldown/utils';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));
const levels = new Set(['trace', 'debug', 'info', 'warn', 'error', 'fatal']);

/** A call of a logger, or of `logFailure`. Unknown parts are undefined. */
type LogCall = {
  readonly file: string;
  readonly levels: readonly string[] | undefined;
  readonly messages: readonly string[] | undefined;
  /** Fields that are written out in the call. */
  readonly fields: readonly string[];
};

type Node = ESTree.Expression | ESTree.Argument | undefined;

/** The values of a text, or of a condition between texts. */
function textsOf(node: Node): readonly string[] | undefined {
  if (node?.type === 'Literal' && typeof node.value === 'string') return [node.value];
  if (node?.type !== 'ConditionalExpression') return undefined;
  const [first, second] = [textsOf(node.consequent), textsOf(node.alternate)];
  return first && second && [...first, ...second];
}

function keysOf(node: Node): string[] {
  if (node?.type !== 'ObjectExpression') return [];
  return node.properties.flatMap((property) =>
    property.type === 'Property' && property.key.type === 'Identifier' ? [property.key.name] : [],
  );
}

function logCall(file: string, { callee, arguments: args }: ESTree.CallExpression): LogCall | undefined {
  if (callee.type === 'Identifier' && callee.name === 'logFailure') {
    const level = args[4] === undefined ? ['warn'] : textsOf(args[4]);
    return { file, levels: level, messages: textsOf(args[2]), fields: ['err', ...keysOf(args[3])] };
  }
  if (callee.type !== 'MemberExpression') return undefined;
  const { object, property, computed } = callee;
  const isLogger = [object, object.type === 'MemberExpression' && object.property].some(
    (part) => part && part.type === 'Identifier' && ['log', 'logger'].includes(part.name),
  );
  const called = computed
    ? textsOf(property as ESTree.Expression)
    : [(property as ESTree.IdentifierName).name];
  const isOther = object.type === 'Identifier' && object.name === 'command';
  if (!isLogger && (isOther || !called?.some((name) => levels.has(name)))) return undefined;
  const [first, second] = args;
  const messages = textsOf(second ?? first);
  return { file, levels: called, messages, fields: second === undefined ? [] : keysOf(first) };
}

const calls: LogCall[] = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith(`db${path.sep}generated`))
  // The one wrapper of a logger.
  .filter((file) => path.basename(file) !== 'log-failure.ts')
  .flatMap((file) => {
    const text = readFileSync(path.join(root, 'src', file), 'utf8');
    if (!/\b(?:log|logger|logFailure)\b|\.(?:trace|debug|info|warn|error|fatal)\(/.test(text)) return [];
    const found: LogCall[] = [];
    new Visitor({
      CallExpression(node) {
        const call = logCall(file, node);
        if (call !== undefined) found.push(call);
      },
    }).visit(parseSync(file, text).program);
    return found;
  });

const documented = readFileSync(path.join(root, 'docs/log-messages.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| (?:trace|debug|info|warn|error|fatal)\b/.test(line))
  .map((line) => line.split(/(?<!\\)\|/).map((cell) => cell.trim()))
  .map(([, level = '', message = '', fields = '', ...rest]) => ({
    levels: level.split(', '),
    message: message.replaceAll('`', ''),
    fields: [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    rest,
  }));
const entries = (list: readonly { levels: readonly string[]; message: string }[]): string[] =>
  [...new Set(list.flatMap(({ levels, message }) => levels.map((level) => `${level}: ${message}`)))].sort();

describe('log messages', () => {
  it('every log message is a fixed text with a fixed level', () => {
    expect(calls.length).toBeGreaterThan(60);
    expect(calls.filter((call) => call.levels === undefined || call.messages === undefined)).toEqual([]);
  });

  it('docs/log-messages.md describes every log message of the code, and no other', () => {
    const logged = calls.flatMap(({ levels = [], messages = [] }) =>
      messages.map((message) => ({ levels, message })),
    );
    expect(entries(documented)).toEqual(entries(logged));
    const messages = documented.map(({ message }) => message);
    expect(messages).toEqual([...new Set(messages)]);
    for (const { message, rest } of documented) {
      expect(
        rest.slice(0, 2).every((cell) => cell.length > 3),
        `meaning and action of: ${message}`,
      ).toBe(true);
    }
  });

  it('docs/log-messages.md names every field that is written out in the code', () => {
    const fieldsOf = new Map(documented.map(({ message, fields }) => [message, fields]));
    const missing = calls.flatMap(({ fields, messages = [] }) =>
      messages.flatMap((message) =>
        fields
          .filter((field) => !fieldsOf.get(message)?.includes(field))
          .map((field) => `${message}: ${field}`),
      ),
    );
    expect(missing).toEqual([]);
  });
});
