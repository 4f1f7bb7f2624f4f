import { LeaseLostError } from '../db/lease.ts';
import type { Org } from '../salesforce/org.ts';
import type { OrgConnection } from '../salesforce/org-connection.ts';
import { createOutageReporter, type OutageContext } from './stream-outage.ts';

export type AwaitOrgContext = OutageContext & { readonly salesforce: OrgConnection };

/**
 * Waits until the process is signed in to Salesforce. The subscription shows meanwhile why it is not, as it does for a
 * stream that is down.
 * @returns undefined if `signal` aborts first
 * @throws LeaseLostError
 */
export function awaitOrg(context: AwaitOrgContext, signal: AbortSignal): Promise<Org | undefined> {
  const outages = createOutageReporter(context);
  return (
    context.salesforce
      .whenOpen(signal, async (error) => {
        await outages.failed(error, false).catch((thrown: unknown) => {
          // A database that is away takes the state later.
          if (thrown instanceof LeaseLostError) throw thrown;
        });
      })
      // The process that follows the stream next reads the outage from the table.
      .finally(() => context.faults.clear('stream'))
  );
}
