import type { AccountRow, SavedRow } from '../apply/account-row.ts';
import { deletedField } from '../apply/merge.ts';
import type { Code } from './signup-code.ts';

/** An account outside the changes at hand that has one of their codes. */
export type CodeOwner = {
  readonly id: string;
  readonly code: string;
  readonly deleted: boolean;
  /** Whether Salesforce has not accepted it yet. */
  readonly pending: boolean;
};

export type Settled = {
  readonly rows: readonly SavedRow[];
  /** Accounts outside that lost their code to one of the rows, and what they have instead. */
  readonly displaced: readonly { readonly id: string; readonly code: Code }[];
};

/**
 * Codes are unique. A code made here that is taken is made again, also where it waits already and Salesforce turns
 * out to hold it elsewhere: it was never written. One that Salesforce holds on a second account stays
 * with who had it first, and the second shows the conflict, which a person has to settle; but a deleted account gives
 * way to a living one, as in a merge whose winner took over the loser's code.
 */
export function resolveCodeConflicts(
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  owners: readonly CodeOwner[],
  generate: () => string,
  at: string,
): Settled {
  const outside = new Map(owners.map((owner) => [owner.code, owner]));
  const winners = winnersOf(rows, before, outside);
  const taken = new Set([...outside.keys(), ...winners.keys()]);
  const displaced = owners.flatMap(({ id, code, pending }) => {
    const winner = winners.get(code);
    if (winner === undefined || winner === id) return [];
    const instead: Code = pending
      ? { signupCode: unused(generate, taken), state: 'pending', error: null }
      : transferred(code, winner, at);
    return [{ id, code: instead }];
  });
  const settled = rows.map((row) => {
    const { signupCode } = row.code;
    const winner = signupCode === null ? undefined : winners.get(signupCode);
    if (winner === undefined || winner === row.id) return row;
    return { ...row, code: loserCode(row, winner, () => unused(generate, taken), at) };
  });
  return { rows: settled, displaced };
}

/** Whom each code belongs to. */
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
    // Of equals the first: sorting keeps their order.
    const [winner] = candidates.sort((a, b) => a.rank - b.rank);
    if (winner !== undefined) winners.set(code, winner.id);
  }
  return winners;
}

/** Who has a code and lives; who comes with it; who has it and is deleted; who waits with it; who has just made it. */
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
  const message = `Salesforce holds the code ${code.signupCode} on account ${winner} too.`;
  return { signupCode: null, state: 'failed', error: { code: duplicateCode, message, at } };
}

/** The error of an account whose code Salesforce holds on another account too. */
export const duplicateCode = 'duplicate';

export function transferred(code: string, winner: string, at: string): Code {
  const message = `The code ${code} has passed to account ${winner}.`;
  return { signupCode: null, state: 'none', error: { code: 'passed on', message, at } };
}

function unused(generate: () => string, taken: Set<string>): string {
  let code = generate();
  while (taken.has(code)) code = generate();
  taken.add(code);
  return code;
}

function isDeleted({ merged }: SavedRow): boolean {
  return merged.values.get(deletedField) === true;
}
