import type { AppContext } from '../context.ts';
import { type Lease, LeaseLostError } from '../db/lease.ts';
import type { Org } from '../salesforce/org.ts';
import type { OrgConnection } from '../salesforce/org-connection.ts';
import { createOutageReporter, type OutageContext } from './stream-outage.ts';
import { subscribe } from './subscribe.ts';

/**
 * Follows the topic from the moment the process is signed in.
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
 * Waits until the process is signed in to Salesforce. The subscription shows meanwhile why it is not, as it does for a
 * stream that is down.
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
          // A database that is unreachable takes the state later.
          if (thrown instanceof LeaseLostError) throw thrown;
        });
      })
      // The process that follows the stream next reads the outage from the table.
      .finally(() => context.faults.clear('stream'))
  );
}
