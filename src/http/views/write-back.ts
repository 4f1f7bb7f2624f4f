import type { Static } from 'typebox';
import { columnsOf } from '../../db/columns-of.ts';
import { type Account, Prisma, type WriteBackAttempt } from '../../db/generated/client.ts';
import { codeStates } from '../schemas/account.ts';
import { isoTime } from '../schemas/values.ts';
import { attemptOutcomes, type WriteBackHistorySchema, type WriteBackSchema } from '../schemas/write-back.ts';

export function writeBackJson(row: WriteBackRow): Static<typeof WriteBackSchema> {
  return {
    accountId: row.id,
    name: row.name,
    signupCode: row.signupCode,
    pendingSignupCode: row.pendingSignupCode,
    state: codeStates.find((state) => state === row.codeState) ?? 'none',
    error: errorJson(row.codeError),
    attempts: row.codeAttempts,
    lastAttemptAt: isoTime(row.codeAttemptedAt),
    nextAttemptAt: row.codeState === 'pending' && row.codeDueAt.getTime() > 0 ? isoTime(row.codeDueAt) : null,
  };
}

export function attemptJson(row: WriteBackAttempt): Static<typeof WriteBackHistorySchema>['history'][number] {
  return {
    code: row.code,
    sentAt: isoTime(row.sentAt),
    answeredAt: isoTime(row.answeredAt),
    outcome: attemptOutcomes.find((outcome) => outcome === row.outcome) ?? 'sent',
    error: errorJson(row.error),
  };
}

const fields = [
  'id',
  'name',
  'signupCode',
  'pendingSignupCode',
  'codeState',
  'codeError',
  'codeAttempts',
  'codeAttemptedAt',
  'codeDueAt',
] as const satisfies (keyof Account)[];

/** The columns of a `WriteBackRow`. */
export const writeBackColumns = Prisma.raw(columnsOf(fields));

export type WriteBackRow = Pick<Account, (typeof fields)[number]>;

function errorJson(value: unknown): Static<typeof WriteBackSchema>['error'] {
  if (typeof value !== 'object' || value === null) return null;
  const entries = new Map<string, unknown>(Object.entries(value));
  const text = (name: string): string | null => {
    const found = entries.get(name);
    return typeof found === 'string' ? found : null;
  };
  const fields = entries.get('fields');
  return {
    code: text('code'),
    message: text('message'),
    fields: Array.isArray(fields) ? fields.map(String) : [],
    at: text('at'),
  };
}
