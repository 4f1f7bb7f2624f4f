import type { Queryable } from '../db/database.ts';
import type { Prisma, PrismaClient, Resync } from '../db/generated/client.ts';

/**
 * One try of a resync, numbered like a fencing token: writes of a process whose job was given to another one have an
 * older number and take no effect.
 */
export type Claim = Pick<Resync, 'id' | 'claim'>;

/** The resync was cancelled, or another process runs it: the current work must not take effect. */
export class ResyncEndedError extends Error {
  constructor() {
    super('the resync has ended or is run by another process');
    this.name = 'ResyncEndedError';
  }
}

/** SQL: states in which a worker runs the resync. */
export const runningStates = `('reading', 'applying')`;

/** SQL: states in which the resync runs or waits for a worker. */
export const activeStates = `('queued', 'reading', 'applying')`;

/** States in which the resync has not ended. */
export const unfinishedStates = ['queued', 'reading', 'applying', 'needs-confirmation'];

/** SQL: states in which the resync has not ended. */
export const openStates = `('${unfinishedStates.join("', '")}')`;

/**
 * Updates the row of a claimed resync.
 * @throws ResyncEndedError
 */
export async function updateClaimed(
  prisma: PrismaClient,
  { id, claim }: Claim,
  data: Prisma.ResyncUpdateManyMutationInput,
): Promise<void> {
  const { count } = await prisma.resync.updateMany({ where: { id, claim }, data });
  expectClaimed({ rowCount: count });
}

/** @throws ResyncEndedError if the statement found no row of the claim */
export function expectClaimed({ rowCount }: { readonly rowCount: number | null }): void {
  if (rowCount === 0) throw new ResyncEndedError();
}

/**
 * Keeps other processes from claiming the resync until the transaction ends.
 * @throws ResyncEndedError
 */
export async function lockClaim(client: Queryable, { id, claim }: Claim): Promise<void> {
  const locked = await client.query({
    name: 'lock-claim',
    text: `select from resyncs where id = $1 and claim = $2 and state in ${runningStates} for update`,
    values: [id, claim],
  });
  expectClaimed(locked);
}

/** Whether the resync has ended or another process runs it. */
export async function isClaimLost(prisma: PrismaClient, { id, claim }: Claim): Promise<boolean> {
  return (await prisma.resync.count({ where: { id, claim, state: { in: unfinishedStates } } })) === 0;
}
