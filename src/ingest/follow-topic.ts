import type { AppContext } from '../context.ts';
import { type Lease, LeaseLostError } from '../db/lease.ts';
import type { Org } from '../salesforce/org.ts';
import type { OrgConnection } from '../salesforce/org-connection.ts';
import { createOutageReporter, type OutageContext } from './stream-outage.ts';
import { subscribe } from './subscribe.ts';

/**
 * Subscribes to the topic after the process has signed in.
 * @throws LeaseLostError
 */
export async function followTopic(
  context: AppContext & { readonly lease: Lease },
  signal: AbortSignal,
): Promise<void> {
  const org = await awaitOrg(context, signal);
  if (org !== undefined) await subscribe({ ...context, org }, signal);
}

/**
 * Waits until the process has signed in to Salesforce. Meanwhile, a failed sign-in is reported like an outage of the
 * stream.
 * @returns undefined if `signal` aborts first
 * @throws LeaseLostError
 */
export function awaitOrg(
  context: OutageContext & { readonly salesforce: OrgConnection },
  signal: AbortSignal,
): Promise<Org | undefined> {
  const outages = createOutageReporter(context);
  return (
    context.salesforce
      .whenOpen(signal, async (error) => {
        await outages.failed(error, false).catch((thrown: unknown) => {
          // An unreachable database stores the state at the next attempt.
          if (thrown instanceof LeaseLostError) throw thrown;
        });
      })
      // The next leader reads the outage from the database.
      .finally(() => context.faults.clear('stream'))
  );
}
