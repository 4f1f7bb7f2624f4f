import type pg from 'pg';
import type { Org } from '../salesforce/org.ts';
import type { OrgConnection } from '../salesforce/org-connection.ts';
import { type Lease, LeaseLost } from './lease.ts';
import { setSubscriptionState } from './subscription-rows.ts';

export type AwaitOrgContext = {
  readonly pool: pg.Pool;
  readonly salesforce: OrgConnection;
  readonly lease: Lease;
};

/**
 * Waits until the process is signed in to Salesforce. The subscription shows meanwhile why it is not, as it does for a
 * stream that is down.
 * @returns undefined if `signal` aborts first
 * @throws LeaseLost
 */
export function awaitOrg(
  { pool, salesforce, lease }: AwaitOrgContext,
  signal: AbortSignal,
): Promise<Org | undefined> {
  return salesforce.whenOpen(signal, async (error) => {
    const needsPerson = ['config', 'permission', 'bug'].includes(error.failure);
    await setSubscriptionState(pool, lease, needsPerson ? 'stopped' : 'waiting', error).catch(
      (thrown: unknown) => {
        // A database that is away takes the state later.
        if (thrown instanceof LeaseLost) throw thrown;
      },
    );
  });
}
