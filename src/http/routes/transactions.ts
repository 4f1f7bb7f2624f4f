import type pg from 'pg';
import type { Static } from 'typebox';
import { type ChangeKey, readChanges } from '../../history/transaction-changes.ts';
import { Problem } from '../problem.ts';
import { TransactionEventSchema, TransactionSchema } from '../schemas/history.ts';
import { defaultLimit, pageParameters, Text } from '../schemas/parameters.ts';
import { problemResponses } from '../schemas/problem.ts';
import { linkHeader, Named, StrictObject } from '../schemas/values.ts';
import type { KeysetPosition } from '../search/keyset.ts';
import { decodeCursor, listKey, sendPage } from '../search/list-page.ts';
import type { Server } from '../server-types.ts';
import { type EventRow, eventColumns, eventJson } from '../views/event.ts';

export function registerTransactionRoute(app: Server): void {
  app.addSchema(TransactionEventSchema);
  app.addSchema(TransactionSchema);

  app.get('/v1/transactions/:key', { config: { scope: 'read' }, schema }, async (request, reply) => {
    const { pool } = request.reads;
    const { key } = request.params;
    const list = listKey(`/v1/transactions/${key}`, request.query);
    const after = decodeCursor(list, request.query.cursor, order);
    const limit = request.query.limit ?? defaultLimit;
    const rows = await readEvents(pool, key, after, limit + 1);
    const summary = await readSummary(pool, key);
    if (summary === undefined) throw new Problem('not-found', `Transaction ${key} is not in the log.`);
    const page = rows.slice(0, limit);
    const data = await withAccounts(pool, page);
    const last = page.at(-1);
    const next = rows.length <= limit || last === undefined ? null : positionOf(last);
    return {
      key,
      complete: summary.complete,
      commitTimestamp: summary.committed?.toISOString() ?? null,
      commitUser: summary.user,
      changeOrigin: summary.origin,
      ...(await sendPage(request, reply, list, data, next)),
    };
  });
}

const order = {
  by: { sql: 'sequence_number', type: 'bigint' },
  id: { sql: 'id', type: 'bigint' },
  descending: false,
} as const;

function positionOf({ sequenceNumber, id }: EventRow): KeysetPosition {
  return { by: String(sequenceNumber ?? 0), id: id.toString() };
}

async function readEvents(
  pool: pg.Pool,
  key: string,
  after: KeysetPosition | null,
  limit: number,
): Promise<EventRow[]> {
  const { rows } = await pool.query<EventRow>({
    name: 'events-of-transaction',
    text: `select ${eventColumns.text} from event_log
            where transaction_key = $1 and (sequence_number, id) > ($2::bigint, $3::bigint)
            order by sequence_number, id limit $4`,
    values: [key, after?.by ?? -1, after?.id ?? 0, limit],
  });
  return rows;
}

type Summary = {
  readonly complete: boolean;
  readonly committed: Date | null;
  readonly user: string | null;
  readonly origin: string | null;
};

/**
 * A transaction is complete if another event or a quiet period follows it and none of its events has failed or is queued
 * again. The subquery for the next event is ordered by id: without it the planner would scan the table from its
 * beginning.
 */
async function readSummary(pool: pg.Pool, key: string): Promise<Summary | undefined> {
  const { rows } = await pool.query<Summary>({
    name: 'summary-of-transaction',
    text: `select e.committed, f.user, f.origin,
                  not e.failed and (
                    exists (select from subscriptions where quiet_through >= e.last)
                    or (select true from event_outcomes n where n.event_id > e.last and n.state <> 'stored'
                           and n.transaction_key is distinct from $1 order by n.event_id limit 1) is true) as complete
             from (select max(event_id) as last, max(commit_timestamp) as committed,
                          bool_or(state not in ('applied', 'skipped')) as failed
                     from event_outcomes where transaction_key = $1) e
             join lateral (select commit_user as user, change_origin as origin from event_outcomes
                            where transaction_key = $1 order by sequence_number, event_id limit 1) f on true`,
    values: [key],
  });
  return rows[0];
}

async function withAccounts(
  pool: pg.Pool,
  events: readonly EventRow[],
): Promise<Static<typeof TransactionEventSchema>[]> {
  const keys = events.map(changeKeys);
  const changes = await readChanges(pool, keys.flat());
  let offset = 0;
  return events.map((row, index) => {
    const own = keys[index] ?? [];
    const accounts = own.flatMap(({ accountId }, place) => {
      const found = changes[offset + place] ?? null;
      return found === null ? [] : [{ id: accountId, changes: found }];
    });
    offset += own.length;
    return { ...eventJson(row), accounts };
  });
}

function changeKeys(row: EventRow): ChangeKey[] {
  const { commitTimestamp, commitNumber, sequenceNumber, state, recordIds } = row;
  if (state !== 'applied' || commitTimestamp === null || commitNumber === null || sequenceNumber === null)
    return [];
  const version = [commitTimestamp.getTime(), commitNumber, sequenceNumber, 0] as const;
  return recordIds.map((accountId) => ({ accountId, version }));
}

const schema = {
  operationId: 'getTransaction',
  summary: 'Get one Salesforce transaction',
  description: 'Its events by sequence number, with the changes to each account, page by page.',
  tags: ['Events'],
  params: StrictObject({
    key: Text('The `transactionKey` of an event.', { examples: ['0005a2c1-4b1e-b0fc-2f3c-1c1e4f0a9d55'] }),
  }),
  querystring: StrictObject(pageParameters),
  response: {
    200: {
      ...Named(TransactionSchema),
      description: 'The transaction with one page of its events.',
      headers: linkHeader,
    },
    ...problemResponses('not-found'),
  },
} as const;
