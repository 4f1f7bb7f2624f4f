import type pg from 'pg';
import { Type } from 'typebox';
import { formatVersion, parseVersion, type Version } from '../../apply/version.ts';
import { diffAccount } from '../../history/diff-account.ts';
import { listEntries, withChanges } from '../../history/list-entries.ts';
import { invalid, Problem } from '../problem.ts';
import { AccountDiffSchema, AccountEventSchema, FieldChangeSchema } from '../schemas/history.ts';
import { AccountPath, defaultLimit, pageParameters, TimeParameter } from '../schemas/parameters.ts';
import { parsePastTimeParameter, parseRecordIdParameter } from '../schemas/parse-parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { ListOf, Named, StrictObject } from '../schemas/values.ts';
import type { KeysetPosition } from '../search/keyset.ts';
import { decodeCursor, listKey, sendPage } from '../search/list-page.ts';
import type { Server } from '../server-types.ts';
import { accountEventJson } from '../views/history.ts';
import { unknownPastState } from '../views/past-account.ts';
import { readOrigins } from '../views/read-origins.ts';

export function registerAccountHistoryRoutes(app: Server): void {
  for (const schema of [FieldChangeSchema, AccountEventSchema, AccountDiffSchema]) app.addSchema(schema);

  const eventsOptions = { config: { scope: 'read' }, schema: eventsSchema } as const;
  app.get('/v1/accounts/:id/events', eventsOptions, async (request, reply) => {
    const { pool } = request.reads;
    const accountId = parseRecordIdParameter('id', request.params.id);
    const { limit = defaultLimit, cursor } = request.query;
    const list = listKey(`/v1/accounts/${accountId}/events`, request.query);
    const before = versionAt(decodeCursor(list, cursor, historyOrder));
    const rows = await listEntries(pool, { accountId, before, limit: limit + 1 });
    if (rows.length === 0) await requireKnownAccount(pool, accountId);
    const page = rows.slice(0, limit);
    const changed = await withChanges(pool, accountId, page);
    const origins = await readOrigins(request.reads.prisma, page);
    const data = changed.map(({ listed, changes }, index) =>
      accountEventJson(listed, changes, origins[index] ?? { event: undefined, resyncId: null }),
    );
    return sendPage(request, reply, list, data, nextPosition(rows, limit));
  });

  app.get('/v1/accounts/:id/diff', { config: { scope: 'read' }, schema: diffSchema }, async (request) => {
    const { pool } = request.reads;
    const accountId = parseRecordIdParameter('id', request.params.id);
    const from = parsePastTimeParameter('from', request.query.from);
    const to = request.query.to === undefined ? new Date() : parsePastTimeParameter('to', request.query.to);
    if (from > to) throw invalid('from', 'must not be later than `to`');
    const diff = await diffAccount(pool, accountId, from, to);
    if (diff.kind !== 'known') {
      await requireKnownAccount(pool, accountId);
      throw unknownPastState(accountId, diff.kind === 'unborn' ? to : from, diff);
    }
    return { accountId, from: from.toISOString(), to: to.toISOString(), changes: [...diff.changes] };
  });
}

/** A history is listed by version, newest first. */
export const historyOrder = { id: { sql: 'version', type: 'version' }, descending: true } as const;

export function versionAt(position: KeysetPosition | null): Version | null {
  return position === null ? null : parseVersion(position.id);
}

/** The position after which the next page begins; null if there is none. */
export function nextPosition(
  rows: readonly { readonly entry: { readonly version: Version } }[],
  limit: number,
): KeysetPosition | null {
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return null;
  return { by: null, id: formatVersion(last.entry.version) };
}

/** @throws Problem 404 if neither the mirror nor the event log contains the account */
export async function requireKnownAccount(pool: pg.Pool, accountId: string): Promise<void> {
  const { rowCount } = await pool.query({
    name: 'is-account-known',
    text: `select where exists (select from accounts where id = $1)
                     or exists (select from event_outcomes where record_ids @> array[$1])`,
    values: [accountId],
  });
  if (rowCount === 0) throw new Problem('not-found', `Account ${accountId} is not in the mirror.`);
}

const eventsSchema = {
  operationId: 'listAccountEvents',
  summary: 'List the history of an account',
  description:
    'Its changes, newest first by commit time: who made them, when, from where, and each field before and after. The list includes reads from Salesforce that changed something; its last entry is the state in which the history starts. To find events that could not be applied, use `GET /v1/events?recordId=`.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: StrictObject(pageParameters),
  response: { 200: ListOf(AccountEventSchema), ...problemResponses('not-found') },
} as const;

const diffSchema = {
  operationId: 'diffAccount',
  summary: 'Compare an account at two times',
  description:
    'The fields that differ between the states committed at `from` and at `to`. A change that arrived late counts from its commit.',
  tags: ['Accounts'],
  params: AccountPath,
  querystring: StrictObject({
    from: TimeParameter('The earlier time.'),
    to: Type.Optional(TimeParameter('The later time; defaults to now.')),
  }),
  response: {
    200: { ...Named(AccountDiffSchema), description: 'The fields that differ.' },
    ...problemResponses('not-found', 'before-history'),
  },
} as const;
