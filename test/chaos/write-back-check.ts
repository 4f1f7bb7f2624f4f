import type { CrashWorld } from './crash-world.ts';

export type WriteBackCheck = {
  readonly accounts: number;
  readonly confirmed: number;
  /** By error code. */
  readonly failed: ReadonlyMap<string, number>;
  /** The number of accounts by the number of times they were sent. */
  readonly attempts: ReadonlyMap<number, number>;
  /** Attempts with an unknown result: the process was killed, or the call failed. */
  readonly unanswered: number;
  readonly differences: readonly string[];
};

type Fate = { readonly errorCode: string; readonly attempts?: number } | undefined;

// How many attempts kills and failed calls may add to those that an account needs anyway.
const maxRepetitions = 15;

/** Each account has to have come to the end that its fate allows, and in few attempts. */
export async function checkWriteBacks(
  { simulator, postgres }: CrashWorld,
  ids: readonly string[],
  fateOf: (id: string) => Fate,
): Promise<WriteBackCheck> {
  const rows = await postgres.rows<CodeRow>(
    `select a.id, a.signup_code as code, a.code_state as state, a.code_error ->> 'code' as error,
            count(t.id)::int as attempts, (count(t.id) filter (where t.outcome in ('sent', 'unanswered')))::int as unanswered
       from accounts a left join write_back_attempts t on t.account_id = a.id and t.outcome <> 'held'
      group by a.id, a.signup_code, a.code_state, a.code_error`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const audited = simulator.audit.codes();
  const made = ids.map((id) => ({ id, row: byId.get(id), fate: fateOf(id) }));
  const differences = made.flatMap(({ id, row, fate }) => {
    if (row === undefined) return [`${id} is not in the mirror`];
    const codes = audited.get(id) ?? [];
    return [
      ...stateDifferences(row, fate),
      ...(codes.length > 1 ? [`${id} was written ${codes.length} codes`] : []),
      ...(row.state === 'confirmed' && codes[0] !== row.code ? [`${id} has another code in Salesforce`] : []),
      ...(row.state === 'failed' && codes.length > 0 ? [`${id} has failed and was written`] : []),
      ...(row.attempts > neededBy(fate) + maxRepetitions ? [`${id} was sent ${row.attempts} times`] : []),
    ];
  });
  const failed = made.flatMap(({ row }) => (row?.state === 'failed' ? [row.error ?? 'UNKNOWN'] : []));
  return {
    accounts: ids.length,
    confirmed: made.filter(({ row }) => row?.state === 'confirmed').length,
    failed: countBy(failed),
    attempts: countBy(made.map(({ row }) => row?.attempts ?? 0)),
    unanswered: rows.reduce((sum, { unanswered }) => sum + unanswered, 0),
    differences,
  };
}

function stateDifferences({ id, state, error }: CodeRow, fate: Fate): string[] {
  const stays = fate !== undefined && fate.attempts === undefined;
  const wanted = stays ? `failed ${fate.errorCode}` : 'confirmed';
  const found = state === 'failed' ? `failed ${error}` : state;
  return found === wanted ? [] : [`${id} is ${found}, not ${wanted}`];
}

/** Attempts without any disturbance. */
function neededBy(fate: Fate): number {
  if (fate === undefined) return 1;
  if (fate.attempts !== undefined) return fate.attempts + 1;
  return fate.errorCode === 'DUPLICATE_VALUE' ? 4 : 1;
}

function countBy<T extends string | number>(values: readonly T[]): Map<T, number> {
  return new Map([...Map.groupBy(values, (value) => value)].map(([value, { length }]) => [value, length]));
}

type CodeRow = {
  readonly id: string;
  readonly code: string | null;
  readonly state: string;
  readonly error: string | null;
  readonly attempts: number;
  readonly unanswered: number;
};
