import { describe, expect, it } from 'vitest';
import { isRetryable } from '../../src/db/wait-for-database.ts';

const withCode = (code: string, message = 'It says so.'): Error =>
  Object.assign(new Error(message), { code });

describe('an error of the database at the start', () => {
  it.each([
    ['a refused connection', withCode('ECONNREFUSED')],
    ['a name that cannot be resolved for now', withCode('EAI_AGAIN')],
    ['a server that is starting up', withCode('57P03')],
    ['a server that is shutting down', withCode('57P01')],
    ['too many clients', withCode('53300')],
    ['a standby', withCode('25006')],
    ['a connection that ended', new Error('Connection terminated unexpectedly')],
    ['a connection that timed out', new Error('timeout expired')],
    ['refused connections of several addresses', new AggregateError([withCode('ECONNREFUSED')], '')],
    ['a migration that lost its connection', new Error('Migration x failed', { cause: withCode('57P01') })],
  ])('the start waits for an unavailable database: %s', (_, error) => expect(isRetryable(error)).toBe(true));

  it.each([
    ['a wrong password', withCode('28P01')],
    ['no such database', withCode('3D000')],
    ['no right to create tables', withCode('42501')],
    ['a migration that failed', new Error('Migration x failed', { cause: withCode('42P07') })],
    ['a pooler', new Error('this looks like a pooler such as PgBouncer')],
    ['something else', 'text'],
  ])('an error that stays ends the start at once: %s', (_, error) => expect(isRetryable(error)).toBe(false));
});
