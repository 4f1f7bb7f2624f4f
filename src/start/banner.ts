import { setTimeout as pause } from 'node:timers/promises';
import type { Provided } from './embedded-defaults.ts';

const loadLimitMs = 45_000;

/** Waits until the first load is done, so that what is printed works; after a while it is printed anyway. */
export async function waitUntilLoaded(apiUrl: string): Promise<void> {
  for (const end = Date.now() + loadLimitMs; Date.now() < end; ) {
    const ready = await fetch(`${apiUrl}/health/ready`).catch(() => undefined);
    if (ready?.ok) return;
    await pause(100);
  }
}

/** What a person sees who has just started Tidemark on its embedded defaults: where to look and what to try. */
export function banner(apiUrl: string, { simulator, apiKeys }: Provided, apiVersion: string): string {
  const key = apiKeys[0]?.secret ?? '';
  if (simulator === undefined) return '';
  const token = simulator.sessions.issue({ userId: simulator.org.named.admin.id, neverExpires: true });
  const create = `curl -s ${simulator.instanceUrl}/services/data/v${apiVersion}/sobjects/Account -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"Name":"Blue Harbour Ltd"}'`;
  const read = `curl -s '${apiUrl}/v1/accounts?name=Blue%20Harbour%20Ltd' -H 'Authorization: Bearer ${key}'`;
  return `
Tidemark is running on its embedded defaults: a PostgreSQL and a Salesforce simulator of its own.

  API         ${apiUrl}
  API docs    ${apiUrl}/docs
  API key     ${key}
  Salesforce  ${simulator.instanceUrl}  (simulator, ${simulator.org.size} accounts; Pub/Sub API at ${simulator.pubsubEndpoint})

Create an account in Salesforce:
${create}

Read it from Tidemark a moment later, with its signup code:
${read}

Ctrl-C stops everything; the next start goes on from here.

`;
}
