import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type pg from 'pg';
import { type TSchema, Type } from 'typebox';
import { schemaKey } from '../../db/advisory-locks.ts';
import { inTransaction, type Queryable } from '../../db/database.ts';
import { storableJson } from '../../db/storable.ts';
import { Problem } from '../problem.ts';
import { NoBody, NoParameters } from '../schemas/parameters.ts';

/** A stored response: a repeated request receives it again. */
export type IdempotentResponse<Body extends object> = {
  readonly status: number;
  readonly location?: string | null;
  readonly body: Body;
};

/**
 * Runs the handler of a request in one transaction and sets the status and headers of the reply. If the request has an
 * `Idempotency-Key`, the response is stored in the same transaction, and a repeated request receives it for 24 hours.
 * If the handler throws, the transaction is rolled back and nothing is stored.
 *
 * @returns the body of the response
 * @throws Problem 409 while the first request with the key is still running, 422 if the key belongs to another request
 */
export async function withIdempotencyKey<Body extends object>(
  pool: pg.Pool,
  request: FastifyRequest,
  reply: FastifyReply,
  handler: (client: pg.PoolClient) => Promise<IdempotentResponse<Body>>,
): Promise<Body> {
  const key = parseIdempotencyKey(request);
  const { response, isReplay } = await inTransaction(pool, async (client) => {
    if (key === undefined) return { response: await handler(client), isReplay: false };
    const keyed = { apiKey: request.callerName, key, digest: digestOf(request) };
    if (!(await lockKey(client, keyed))) {
      throw new Problem('still-running', 'The first request with this Idempotency-Key is still running.');
    }
    const stored = await findResponse<Body>(client, keyed);
    if (stored === undefined) {
      const response = await handler(client);
      await storeResponse(client, keyed, response);
      return { response, isReplay: false };
    }
    if (!stored.digest.equals(keyed.digest)) {
      throw new Problem('key-reused', 'This Idempotency-Key was used for another request; use a new one.');
    }
    return { response: stored, isReplay: true };
  });
  reply.code(response.status);
  if (response.location != null) reply.header('location', response.location);
  if (isReplay) reply.header('idempotent-replayed', 'true');
  return response.body;
}

/** The header as routes describe it. */
export const idempotencyHeader = {
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x20-\\x7e]*$',
      description:
        'A value of your choice, such as a UUID. A request repeated with the same key within 24 hours is not executed again and receives the first response.',
    }),
  ),
};

/** The request of a POST that takes an `Idempotency-Key` and no parameters. */
export const idempotentPost = {
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
};

/** Headers of a response that may be replayed. */
export function replayHeaders(others: Record<string, TSchema> = {}) {
  return {
    ...others,
    'Idempotent-Replayed': Type.String({
      description: '`true` if this is the stored response of an earlier request.',
    }),
  };
}

/** Headers of a response that points to the resync it created. */
export const resyncHeaders = replayHeaders({ Location: Type.String({ description: 'Path of the resync.' }) });

/** The draft standard quotes the key; the quotes are not part of it. */
function parseIdempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (typeof header !== 'string') return undefined;
  return /^"(.+)"$/.exec(header)?.[1] ?? header;
}

function digestOf({ method, url, body }: FastifyRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, url, body ?? null]))
    .digest();
}

type KeyedRequest = { readonly apiKey: string; readonly key: string; readonly digest: Buffer };

/** @returns false while another transaction holds the lock, which ends with the transaction */
async function lockKey(client: Queryable, { apiKey, key }: KeyedRequest): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>({
    name: 'lock-idempotency-key',
    text: `select pg_try_advisory_xact_lock(hashtextextended($1, 0) # ${schemaKey}) as locked`,
    values: [`idempotency ${JSON.stringify([apiKey, key])}`],
  });
  return rows[0]?.locked === true;
}

async function findResponse<Body extends object>(client: Queryable, { apiKey, key }: KeyedRequest) {
  const { rows } = await client.query<IdempotentResponse<Body> & Pick<KeyedRequest, 'digest'>>({
    name: 'find-kept-answer',
    text: `select digest, status, location, body from idempotent_requests
            where api_key = $1 and key = $2 and created_at > now() - interval '24 hours'`,
    values: [apiKey, key],
  });
  return rows[0];
}

async function storeResponse(
  client: Queryable,
  { apiKey, key, digest }: KeyedRequest,
  { status, location = null, body }: IdempotentResponse<object>,
): Promise<void> {
  await client.query({
    name: 'keep-answer',
    // A response older than 24 hours may not have been deleted yet.
    text: `insert into idempotent_requests (api_key, key, digest, status, location, body)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (api_key, key) do update
              set digest = excluded.digest, status = excluded.status, location = excluded.location,
                  body = excluded.body, created_at = now()`,
    values: [apiKey, key, digest, status, location, storableJson(body)],
  });
}
