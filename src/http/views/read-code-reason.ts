import type { Static } from 'typebox';
import { type FieldTree, fromTree } from '../../apply/field-tree.ts';
import { formatVersion, zeroVersion } from '../../apply/version.ts';
import type { CodeError } from '../../codes/signup-code.ts';
import type { Account } from '../../db/generated/client.ts';
import { codeReason } from '../../write-back/code-reason.ts';
import { codeStates } from '../schemas/account.ts';
import { isoTime } from '../schemas/values.ts';
import type { WriteBackHistorySchema } from '../schemas/write-back.ts';
import type { HttpDependencies } from '../server-types.ts';
import { readActivity } from './read-write-back-status.ts';

/** Reads why an account has no confirmed code; null if it has one. */
export async function readCodeReason(
  dependencies: HttpDependencies,
  account: Account,
): Promise<Static<typeof WriteBackHistorySchema>['reason']> {
  const [rules, { row, ...writeBack }] = await Promise.all([
    dependencies.codeRules(),
    readActivity(dependencies),
  ]);
  const found = codeReason({
    code: {
      signupCode: account.signupCode ?? account.pendingSignupCode,
      state: codeStates.find((state) => state === account.codeState) ?? 'none',
      error: account.codeError as CodeError | null,
    },
    dueAt: account.codeDueAt,
    isDeleted: account.deleted,
    isComplete: account.baseVersion !== formatVersion(zeroVersion),
    values: fromTree(account.fields as FieldTree),
    rules,
    isBackfillFinished: row?.backfillFinishedAt != null && row.backfillRules === JSON.stringify(rules.filter),
    writeBack,
    now: new Date(),
  });
  return found && { ...found, until: isoTime(found.until) };
}
