import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { PrismaClient } from '../../db/generated/client.ts';
import { invalid } from '../problem.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** Signs a cursor before it is sent to a client. */
    signCursor(cursor: string): Promise<string>;
  }
}

/**
 * Accepts only cursors that were signed by a process with the same database, so that their content can be trusted.
 * Handlers receive the parameter `cursor` without its signature.
 */
export function registerSignedCursors(app: FastifyInstance, prisma: PrismaClient): void {
  let cachedKey: Promise<Uint8Array> | undefined;
  const readKey = async (): Promise<Uint8Array> => {
    cachedKey ??= readCursorKey(prisma);
    try {
      return await cachedKey;
    } catch (error) {
      cachedKey = undefined;
      throw error;
    }
  };
  const verify = async (query: { cursor: string }): Promise<void> => {
    const cursor = verifyCursor(await readKey(), query.cursor);
    if (cursor === undefined) throw invalid('cursor', 'is not a cursor of this list');
    query.cursor = cursor;
  };
  app.decorate('signCursor', async (cursor: string) => signCursor(await readKey(), cursor));
  app.addHook('preHandler', ({ query }, _reply, done) => {
    if (!hasCursor(query)) return done();
    verify(query).then(() => done(), done);
  });
}

function hasCursor(query: unknown): query is { cursor: string } {
  return typeof query === 'object' && query !== null && 'cursor' in query && typeof query.cursor === 'string';
}

// 128 bits are secure and keep cursors short.
const signatureBytes = 16;

/** Prefixes the cursor with its signature. */
export function signCursor(key: Uint8Array, cursor: string): string {
  return Buffer.concat([signatureOf(key, cursor), Buffer.from(cursor, 'base64url')]).toString('base64url');
}

/** @returns the cursor without its signature; undefined if the signature is invalid */
function verifyCursor(key: Uint8Array, signed: string): string | undefined {
  const bytes = Buffer.from(signed, 'base64url');
  // Buffer.from ignores invalid characters, which the signature does not cover.
  if (bytes.length <= signatureBytes || bytes.toString('base64url') !== signed) return undefined;
  const cursor = bytes.subarray(signatureBytes).toString('base64url');
  return timingSafeEqual(bytes.subarray(0, signatureBytes), signatureOf(key, cursor)) ? cursor : undefined;
}

function signatureOf(key: Uint8Array, cursor: string): Buffer {
  return createHmac('sha256', key).update(`cursor:${cursor}`).digest().subarray(0, signatureBytes);
}

/**
 * Reads the signing key that all processes with the same database share, and creates it if it does not exist.
 * Does not write if it exists, so a read-only database is sufficient.
 */
export async function readCursorKey(prisma: PrismaClient): Promise<Uint8Array> {
  const stored = await prisma.secret.findUnique({ where: { name } });
  if (stored !== null) return stored.value;
  await prisma.secret.createMany({ data: { name, value: randomBytes(32) }, skipDuplicates: true });
  const created = await prisma.secret.findUnique({ where: { name } });
  if (created === null) throw new Error(`The secret "${name}" was deleted while it was created`);
  return created.value;
}

const name = 'cursors';
