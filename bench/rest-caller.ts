import type { Simulator } from 'salesforce-simulator';
import type { Caller } from 'salesforce-simulator/org/model.ts';

/** A caller of the REST API that is no client of the service: the admin of the org. */
export function restCaller({ org }: Pick<Simulator, 'org'>): Caller {
  return { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null };
}
