import type { FastifyInstance } from 'fastify';
import type pg from 'pg';
import { invalid } from '../problem.ts';
import { signCursor, verifyCursor } from './cursor-signature.ts';
import { readSharedSecret } from './shared-secret.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Signs a cursor on its way out, as `cursor` parameters are verified on their way in. */
    signCursor(cursor: string): Promise<string>;
  }
}

/**
 * Lets a cursor in only if it was given out by a process on this database: what it says of a list and of a place in it
 * can be believed then. Handlers find the parameter `cursor` without its signature.
 */
export function registerSignedCursors(app: FastifyInstance, pool: pg.Pool): void {
  let reading: Promise<Buffer> | undefined;
  const key = async (): Promise<Buffer> => {
    reading ??= readSharedSecret(pool, 'cursors');
    try {
      return await reading;
    } catch (error) {
      reading = undefined;
      throw error;
    }
  };
  const verify = async (query: { cursor: string }): Promise<void> => {
    const cursor = verifyCursor(await key(), query.cursor);
    if (cursor === undefined) throw invalid('cursor', 'is not one that this list gave out');
    query.cursor = cursor;
  };
  app.decorate('signCursor', async (cursor: string) => signCursor(await key(), cursor));
  app.addHook('preHandler', ({ query }, _reply, done) => {
    if (!hasCursor(query)) return done();
    verify(query).then(() => done(), done);
  });
}

function hasCursor(query: unknown): query is { cursor: string } {
  return typeof query === 'object' && query !== null && 'cursor' in query && typeof query.cursor === 'string';
}
