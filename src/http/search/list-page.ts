import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type pg from 'pg';
import type { Prisma } from '../../db/generated/client.ts';
import { invalid, type Problem } from '../problem.ts';
import { defaultLimit } from '../schemas/parameters.ts';
import { isPosition, type KeysetOrder, type KeysetPosition, readPage } from './keyset.ts';

export type ListQuery<Row, Item> = {
  readonly pool: pg.Pool;
  readonly path: string;
  readonly parameters: { readonly limit?: number; readonly cursor?: string };
  /** Columns, FROM and joins. */
  readonly select: Prisma.Sql;
  readonly where: readonly (Prisma.Sql | false)[];
  readonly order: KeysetOrder;
  toJson(rows: readonly Row[]): Item[] | Promise<Item[]>;
};

/** Sends one page of a list that a single query reads. */
export async function sendList<Row extends pg.QueryResultRow, Item>(
  request: FastifyRequest,
  reply: FastifyReply,
  { pool, path, parameters, select, where, order, toJson }: ListQuery<Row, Item>,
): Promise<ListPage<Item>> {
  const list = listKey(path, parameters);
  const page = await readPage<Row>(pool, {
    select,
    where: where.filter((condition) => condition !== false),
    order,
    after: decodeCursor(list, parameters.cursor, order),
    limit: parameters.limit ?? defaultLimit,
  });
  return sendPage(request, reply, list, await toJson(page.rows), page.next);
}

/** Sends one page of a list, with the cursor of the next page in the body and in the `Link` header. */
export async function sendPage<Item>(
  request: FastifyRequest,
  reply: FastifyReply,
  list: string,
  data: Item[],
  next: KeysetPosition | null,
): Promise<ListPage<Item>> {
  if (next === null) return { data, nextCursor: null };
  const nextCursor = await request.server.signCursor(encodeCursor(list, next));
  reply.header('link', `<${withCursor(request.url, nextCursor)}>; rel="next"`);
  return { data, nextCursor };
}

type ListPage<Item> = { data: Item[]; nextCursor: string | null };

/** The URL with another cursor, relative to itself: a proxy may add a prefix to its path. */
function withCursor(url: string, cursor: string): string {
  const [, query = ''] = url.split('?', 2);
  const parameters = new URLSearchParams(query);
  parameters.set('cursor', cursor);
  return `?${parameters.toString()}`;
}

/**
 * A cursor holds the position of the last row of a page, and the key of its list.
 * It is opaque to clients and signed before it is sent.
 */
export function encodeCursor(list: string, position: KeysetPosition): string {
  return encodeToken([list, position.by, position.id]);
}

/**
 * Decodes a cursor of the same list; null without a cursor.
 * @throws Problem 400 naming `cursor`
 */
export function decodeCursor(
  list: string,
  cursor: string | undefined,
  order: KeysetOrder,
): KeysetPosition | null {
  if (cursor === undefined) return null;
  const [cursorList, by, id] = decodeToken(cursor);
  if (typeof cursorList !== 'string' || typeof id !== 'string') throw malformed();
  if (cursorList !== list) {
    throw invalid('cursor', 'belongs to other parameters: keep them the same on every page');
  }
  if (by !== null && typeof by !== 'string') throw malformed();
  if (!isPosition(order, { by, id })) throw malformed();
  return { by, id };
}

function malformed(): Problem {
  return invalid('cursor', 'is not a cursor of this list');
}

/** Identifies a list by its path and its parameters other than `limit` and `cursor`. */
export function listKey(path: string, query: Readonly<Record<string, unknown>>): string {
  const parameters = Object.entries(query)
    .filter(([name, value]) => name !== 'limit' && name !== 'cursor' && value !== undefined)
    .map(([name, value]) => [name, isObject(value) ? sortByName(Object.entries(value)) : value] as const);
  return hash('sha256', JSON.stringify([path, sortByName(parameters)]), 'base64url').slice(0, 16);
}

function sortByName<T>(entries: (readonly [string, T])[]): (readonly [string, T])[] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

const tokenVersion = 1;

/** Encodes values as an opaque URL-safe token. */
export function encodeToken(values: readonly unknown[]): string {
  return Buffer.from(JSON.stringify([tokenVersion, ...values])).toString('base64url');
}

/** @returns the values of the token; an empty list if it has another format */
export function decodeToken(token: string): readonly unknown[] {
  try {
    const decoded: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    return Array.isArray(decoded) && decoded[0] === tokenVersion ? decoded.slice(1) : [];
  } catch {
    return [];
  }
}
