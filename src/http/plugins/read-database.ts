import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Database } from '../../db/database.ts';
import { formatLsn, insertedLsn, type Lsn, parseLsn } from '../../db/replica.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { invalid } from '../problem.ts';
import { isDatabaseUnavailable } from './database-errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * Where this request reads accounts and events: the replica, where there is one that is close enough behind, else the
     * primary. What was ordered (resyncs, write-backs) is read from the primary, so that whoever orders finds it.
     */
    reads: ReadDatabase;
  }
}

export type ReadDatabase = Pick<Database, 'pool' | 'prisma'>;

const consistencyHeader = 'tidemark-consistency';

/**
 * Sends reads to the replica. A write is answered with `Tidemark-Consistency`, the place in the database's log that
 * contains it; a read that carries it is served by the replica only where that has replayed as much, whichever process
 * is asked.
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
    if (isRead(request) && replica.serves(seenBy(request))) request.reads = replica.database;
    done();
  });
  app.addHook('onRoute', (route) => {
    const { handler, method, url } = route;
    if (!url.startsWith('/v1/') || ![method].flat().includes('GET')) return;
    route.handler = async function onPrimaryWhereTheReplicaFails(request, reply) {
      try {
        return await handler.call(this, request, reply);
      } catch (error) {
        // A standby cancels reads that are in the way of what it replays; and it may be gone since it was looked at.
        const failed = request.reads !== primary && isDatabaseUnavailable(error as Error);
        if (!failed || reply.sent) throw error;
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

function seenBy({ headers }: FastifyRequest): Lsn {
  const header = headers[consistencyHeader];
  if (header === undefined) return 0n;
  const lsn = typeof header === 'string' ? parseLsn(header) : undefined;
  if (lsn === undefined) throw invalid('Tidemark-Consistency', 'must be as an earlier answer gave it');
  return lsn;
}
