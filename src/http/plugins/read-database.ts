import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Database } from '../../db/database.ts';
import { formatLsn, insertedLsn, type Lsn, parseLsn } from '../../db/replica.ts';
import { invalid } from '../problem.ts';
import type { HttpDependencies } from '../server-types.ts';
import { isDatabaseUnavailable } from './error-handler.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The database for reads of accounts and events: the replica if its lag is small, otherwise the primary. Resyncs and
     * write-backs are always read from the primary, so that a client can read what it has just created.
     */
    reads: ReadDatabase;
  }
}

export type ReadDatabase = Pick<Database, 'pool' | 'prisma'>;

const consistencyHeader = 'tidemark-consistency';

/**
 * Sends reads to the replica. The response to a write has a `Tidemark-Consistency` header with its WAL position. A read
 * with this header uses the replica only if the replica has replayed that position.
 */
export function registerReadDatabase(
  app: FastifyInstance,
  { pool, prisma, replica }: HttpDependencies,
): void {
  const primary: ReadDatabase = { pool, prisma };
  app.decorateRequest('reads');
  app.addHook('onRequest', (request, _reply, done) => {
    request.reads = primary;
    done();
  });
  if (replica === undefined) return;
  app.addHook('preHandler', (request, _reply, done) => {
    if (isRead(request) && replica.serves(parseConsistency(request))) request.reads = replica.database;
    done();
  });
  app.addHook('onRoute', (route) => {
    const { handler, method, url } = route;
    if (!url.startsWith('/v1/') || ![method].flat().includes('GET')) return;
    route.handler = async function withFallbackToPrimary(request, reply) {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        // A standby cancels queries that conflict with replay, and it may have become unavailable.
        const canRetry = request.reads !== primary && isDatabaseUnavailable(error as Error);
        if (!canRetry || reply.sent) throw error;
        request.reads = primary;
        return handler.call(this, request, reply);
      }
    };
  });
  app.addHook('onSend', async (request, reply) => {
    if (isRead(request) || reply.statusCode >= 300) return;
    const lsn = await insertedLsn(pool).catch(() => undefined);
    if (lsn !== undefined) reply.header(consistencyHeader, formatLsn(lsn));
  });
}

function isRead({ method }: FastifyRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function parseConsistency({ headers }: FastifyRequest): Lsn {
  const header = headers[consistencyHeader];
  if (header === undefined) return 0n;
  const lsn = typeof header === 'string' ? parseLsn(header) : undefined;
  if (lsn === undefined) throw invalid('Tidemark-Consistency', 'must be the value from an earlier response');
  return lsn;
}
