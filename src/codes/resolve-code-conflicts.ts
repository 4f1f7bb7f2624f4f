import type { AccountRow, SavedRow } from '../apply/account-row.ts';
import { deletedField } from '../apply/merge.ts';
import type { Code } from './signup-code.ts';

/** An account outside the changed rows that has one of their codes. */
export type CodeOwner = {
  readonly id: string;
  readonly code: string;
  readonly deleted: boolean;
  /** Whether Salesforce has not accepted it yet. */
  readonly pending: boolean;
};

export type ResolvedCodes = {
  readonly rows: readonly SavedRow[];
  /** Accounts outside the rows that lose their code, and their new one. */
  readonly displaced: readonly { readonly id: string; readonly code: Code }[];
};

/**
 * Makes codes unique. A generated code that is taken is generated again, even if it is pending: it was never written. A
 * code that Salesforce holds on a second account stays with the first one, and the second shows the conflict, which an
 * operator resolves. A deleted account loses its code to an existing one, as in a merge of accounts.
 */
export function resolveCodeConflicts(
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  owners: readonly CodeOwner[],
  generate: () => string,
  at: string,
): ResolvedCodes {
  const outside = new Map(owners.map((owner) => [owner.code, owner]));
  const winners = winnersOf(rows, before, outside);
  const taken = new Set([...outside.keys(), ...winners.keys()]);
  const displaced = owners.flatMap(({ id, code, pending }) => {
    const winner = winners.get(code);
    if (winner === undefined || winner === id) return [];
    const replacement: Code = pending
      ? { signupCode: generateUnused(generate, taken), state: 'pending', error: null }
      : transferred(code, winner, at);
    return [{ id, code: replacement }];
  });
  const resolved = rows.map((row) => {
    const { signupCode } = row.code;
    const winner = signupCode === null ? undefined : winners.get(signupCode);
    if (winner === undefined || winner === row.id) return row;
    return { ...row, code: loserCode(row, winner, () => generateUnused(generate, taken), at) };
  });
  return { rows: resolved, displaced };
}

/** The account that owns each code. */
function winnersOf(
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  outside: ReadonlyMap<string, CodeOwner>,
): Map<string, string> {
  const winners = new Map<string, string>();
  for (const [code, claims] of Map.groupBy(rows, ({ code: { signupCode } }) => signupCode)) {
    if (code === null) continue;
    const owner = outside.get(code);
    const candidates = [
      ...(owner === undefined ? [] : [{ id: owner.id, rank: owner.deleted ? 2 : owner.pending ? 3 : 0 }]),
      ...claims.map((row) => ({ id: row.id, rank: rankOf(row, before) })),
    ];
    // The sort is stable: the first of equals wins.
    const [winner] = candidates.sort((a, b) => a.rank - b.rank);
    if (winner !== undefined) winners.set(code, winner.id);
  }
  return winners;
}

/** Priority: 0 existing owner, 1 new claimant, 2 deleted owner, 3 pending code, 4 newly generated code. */
function rankOf(row: SavedRow, before: ReadonlyMap<string, AccountRow>): number {
  const had = before.get(row.id)?.code.signupCode === row.code.signupCode;
  if (row.code.state === 'pending') return had ? 3 : 4;
  if (isDeleted(row)) return 2;
  return had ? 0 : 1;
}

function loserCode(row: SavedRow, winner: string, generate: () => string, at: string): Code {
  const { code } = row;
  if (code.state === 'pending') return { ...code, signupCode: generate() };
  if (isDeleted(row)) return transferred(code.signupCode ?? '', winner, at);
  const message = `Salesforce also has the code ${code.signupCode} on account ${winner}.`;
  return { signupCode: null, state: 'failed', error: { code: duplicateCode, message, at } };
}

/** Error code: Salesforce holds the code on another account too. */
export const duplicateCode = 'duplicate';

/** Error code: the account lost its code to another one. */
export const transferredCode = 'passed on';

export function transferred(code: string, winner: string, at: string): Code {
  const message = `The code ${code} was transferred to account ${winner}.`;
  return { signupCode: null, state: 'none', error: { code: transferredCode, message, at } };
}

function generateUnused(generate: () => string, taken: Set<string>): string {
  let code = generate();
  while (taken.has(code)) code = generate();
  taken.add(code);
  return code;
}

function isDeleted({ merged }: SavedRow): boolean {
  return merged.values.get(deletedField) === true;
}
