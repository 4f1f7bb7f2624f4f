import { type Command, InvalidArgumentError } from 'commander';
import type { Api } from './api.ts';
import type { Run } from './command.ts';
import type { Output } from './output.ts';
import { formatTable, type Row } from './table.ts';

export type ListCommand<Item> = {
  readonly path: string;
  readonly description: string;
  /** Options by the name of their query parameter. */
  readonly filters: Readonly<Record<string, string>>;
  readonly head: Row;
  readonly row: (item: Item) => Row;
  /** What the list contains, in the plural. */
  readonly items: string;
};

type Page<Item> = { readonly data: readonly Item[]; readonly nextCursor: string | null };
type ListOptions = { readonly limit: number; readonly json?: boolean };

const maxPageSize = 200;
const defaultLimit = 50;

/** Adds `list` as the default subcommand. */
export function addListCommand<Item>(parent: Command, run: Run, list: ListCommand<Item>): void {
  const command = parent.command('list', { isDefault: true }).description(list.description);
  for (const [name, description] of Object.entries(list.filters)) {
    command.option(`--${kebabCase(name)} <value>`, description);
  }
  command
    .option('--limit <n>', 'the maximum number', parseCount, defaultLimit)
    .option('--json', 'print JSON')
    .action(({ limit, json, ...query }: ListOptions) =>
      run(async ({ api, out }) => {
        const page = await readList<Item>(api, list.path, query, limit);
        if (json === true) out.printJson(page);
        else if (page.data.length === 0) out.print(`No ${list.items}.`);
        else out.print(formatTable(out, page.data.map(list.row), list.head));
        if (page.nextCursor !== null && json !== true) out.note(`There are more: --limit ${limit * 2}`);
      }),
    );
}

export type ItemCommand<Item> = {
  readonly name: string;
  readonly description: string;
  /** The argument that identifies the item. */
  readonly argument: readonly [name: string, description: string];
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: (id: string) => string;
  readonly describe: (out: Output, item: Item) => string;
};

/** Adds a subcommand that sends one request about one item and prints the response. */
export function addItemCommand<Item>(parent: Command, run: Run, item: ItemCommand<Item>): void {
  const { name, description, argument, method, path, describe } = item;
  parent
    .command(name)
    .description(description)
    .argument(`<${argument[0]}>`, argument[1])
    .option('--json', 'print JSON')
    .action((id: string, { json }: { readonly json?: boolean }) =>
      run(async ({ api, out }) => {
        const { body } = await api.send<Item>(method, path(id), method === 'POST' ? {} : undefined);
        if (json === true) out.printJson(body);
        else out.print(describe(out, body));
      }),
    );
}

/** Reads the pages of a list until there are `limit` items. */
async function readList<Item>(api: Api, path: string, query: object, limit: number): Promise<Page<Item>> {
  const data: Item[] = [];
  let nextCursor: string | null = null;
  do {
    const parameters = new URLSearchParams({ ...query });
    parameters.set('limit', String(Math.min(limit - data.length, maxPageSize)));
    if (nextCursor !== null) parameters.set('cursor', nextCursor);
    const { body } = await api.send<Page<Item>>('GET', `${path}?${parameters}`);
    data.push(...body.data);
    nextCursor = body.nextCursor;
  } while (nextCursor !== null && data.length < limit);
  return { data, nextCursor };
}

export function parseCount(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It is not a positive number.');
  return Number(text);
}

export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A time in UTC, to the second. */
export function formatTime(time: string | null): string {
  return time === null ? '' : `${time.slice(0, 19).replace('T', ' ')}Z`;
}

const maxListed = 3;

/** The first of several names, and how many more there are. */
export function formatNames(names: readonly string[]): string {
  const shown = names.slice(0, maxListed).join(', ');
  return names.length > maxListed ? `${shown} and ${names.length - maxListed} more` : shown;
}
