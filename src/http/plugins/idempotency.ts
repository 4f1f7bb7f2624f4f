import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type pg from 'pg';
import { type TSchema, Type } from 'typebox';
import { schemaNumber } from '../../db/advisory-locks.ts';
import { inTransaction, type Queryable } from '../../db/database.ts';
import { storableJson } from '../../db/storable.ts';
import { Problem } from '../problem.ts';

/** What a request led to; kept, so that the same request can be answered again. */
export type Answer<Body extends object = object> = {
  readonly status: number;
  readonly location?: string;
  readonly body: Body;
};

export type GivenAnswer<Body extends object> = Answer<Body> & {
  /** The work was done by an earlier request with the same key. */
  readonly replayed: boolean;
};

/**
 * Does the work of a request in one transaction, and where the request carries an `Idempotency-Key`, once: the answer
 * is kept in that same transaction, and whoever repeats the request gets it again for a day.
 * A problem that the work throws undoes everything and is not kept.
 *
 * @throws Problem 409 while the first request with the key is still being worked on, 422 when the key came with another
 * request before
 */
export async function once<Body extends object>(
  pool: pg.Pool,
  request: FastifyRequest,
  work: (client: pg.PoolClient) => Promise<Answer<Body>>,
): Promise<GivenAnswer<Body>> {
  const key = idempotencyKey(request);
  return inTransaction(pool, async (client) => {
    if (key === undefined) return { ...(await work(client)), replayed: false };
    const kept = { apiKey: request.callerName, key, digest: digestOf(request) };
    if (!(await lockKey(client, kept))) {
      throw new Problem('still-running', 'The first request with this Idempotency-Key is still running.');
    }
    const earlier = await findAnswer<Body>(client, kept);
    if (earlier === undefined) {
      const answer = await work(client);
      await keepAnswer(client, kept, answer);
      return { ...answer, replayed: false };
    }
    if (!earlier.digest.equals(kept.digest)) {
      throw new Problem(
        'key-reused',
        'This Idempotency-Key came with another request before: take a new one.',
      );
    }
    const { status, location, body } = earlier;
    return { status, ...(location === null ? {} : { location }), body, replayed: true };
  });
}

/** Sets status and headers of an answer; the body is left to the handler. */
export function sendIdempotent<Body extends object>(reply: FastifyReply, answer: GivenAnswer<Body>): void {
  reply.code(answer.status);
  if (answer.location !== undefined) reply.header('location', answer.location);
  if (answer.replayed) reply.header('idempotent-replayed', 'true');
}

/** The header as a route describes it. */
export const idempotencyHeader = {
  'idempotency-key': Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: '^[\\x20-\\x7e]*$',
      description:
        'Any text of your own, such as a UUID. A request that is repeated with it within 24 hours is carried out once and answered as the first time.',
    }),
  ),
};

/** The headers of an answer that may be a repeated one. */
export function replayHeaders(others: Record<string, TSchema> = {}) {
  return {
    ...others,
    'Idempotent-Replayed': Type.String({
      description: '`true` where the answer is that of an earlier request.',
    }),
  };
}

/** In the draft's form it is a quoted text; the quotes are no part of it. */
function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const header = headers['idempotency-key'];
  if (typeof header !== 'string') return undefined;
  return /^"(.+)"$/.exec(header)?.[1] ?? header;
}

function digestOf({ method, url, body }: FastifyRequest): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([method, url, body ?? null]))
    .digest();
}

type KeptRequest = { readonly apiKey: string; readonly key: string; readonly digest: Buffer };

/** False while another transaction works with the key; the lock ends with the transaction. */
async function lockKey(client: Queryable, { apiKey, key }: KeptRequest): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>({
    name: 'lock-idempotency-key',
    text: `select pg_try_advisory_xact_lock(hashtextextended($1, 0) # ${schemaNumber}) as locked`,
    values: [`idempotency ${JSON.stringify([apiKey, key])}`],
  });
  return rows[0]?.locked === true;
}

type KeptAnswer<Body> = {
  readonly digest: Buffer;
  readonly status: number;
  readonly location: string | null;
  readonly body: Body;
};

async function findAnswer<Body>(
  client: Queryable,
  { apiKey, key }: KeptRequest,
): Promise<KeptAnswer<Body> | undefined> {
  const { rows } = await client.query<KeptAnswer<Body>>({
    name: 'find-kept-answer',
    text: `select digest, status, location, body from idempotent_requests
            where api_key = $1 and key = $2 and created_at > now() - interval '24 hours'`,
    values: [apiKey, key],
  });
  return rows[0];
}

async function keepAnswer(client: Queryable, kept: KeptRequest, answer: Answer): Promise<void> {
  await client.query({
    name: 'keep-answer',
    // One that is older than a day may not have been swept yet.
    text: `insert into idempotent_requests (api_key, key, digest, status, location, body)
           values ($1, $2, $3, $4, $5, $6)
           on conflict (api_key, key) do update
              set digest = excluded.digest, status = excluded.status, location = excluded.location,
                  body = excluded.body, created_at = now()`,
    values: [
      kept.apiKey,
      kept.key,
      kept.digest,
      answer.status,
      answer.location ?? null,
      storableJson(answer.body),
    ],
  });
}
