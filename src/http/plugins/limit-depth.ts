import type { FastifyInstance } from 'fastify';
import { Problem } from '../problem.ts';

const maxLevels = 32;

/** Refuses bodies that are nested so deeply that whatever walks through them later could run out of stack. */
export function limitDepth(app: FastifyInstance): void {
  app.addHook('preValidation', ({ body }, _reply, done) => {
    if (!isNested(body) || !isDeeperThan(maxLevels, body)) return done();
    throw new Problem('invalid-request', `The body is nested more than ${maxLevels} levels deep.`);
  });
}

/** Walks level by level, without recursion. */
export function isDeeperThan(levels: number, body: unknown): boolean {
  let level = [body].filter(isNested);
  for (let depth = 0; level.length > 0; depth++) {
    if (depth >= levels) return true;
    level = level.flatMap((value) => Object.values(value).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}
