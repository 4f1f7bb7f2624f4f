import { parentPort } from 'node:worker_threads';
import { startSimulator } from 'salesforce-simulator';
import type { OrgOptions } from '../../src/salesforce/org.ts';

const { org, instanceUrl, pubsubEndpoint, credentials } = await startSimulator();
const { clientId, clientSecret } = credentials;
const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;

parentPort?.on('message', ({ done, ms }: { done: Int32Array; ms: number }) => {
  org.transaction(caller, (tx) => tx.insert({ Name: 'Elsewhere' }));
  setTimeout(() => {
    Atomics.store(done, 0, 1);
    Atomics.notify(done, 0);
  }, ms);
});
parentPort?.postMessage({
  loginUrl: instanceUrl,
  credentials: { flow: 'client-credentials', clientId, clientSecret },
  apiVersion: '66.0',
  pubsubEndpoint,
  pubsubTls: false,
} satisfies OrgOptions);
