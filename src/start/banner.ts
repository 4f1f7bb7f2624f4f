import { setTimeout as pause } from 'node:timers/promises';
import type { Provided } from './embedded-defaults.ts';

const maxWaitMs = 45_000;

/** Waits for the initial load, so that the printed commands work, but not longer than 45 seconds. */
export async function waitUntilLoaded(apiUrl: string): Promise<void> {
  for (const end = Date.now() + maxWaitMs; Date.now() < end; ) {
    const ready = await fetch(`${apiUrl}/health/ready`).catch(() => undefined);
    if (ready?.ok) return;
    await pause(100);
  }
}

/**
 * The text printed after a start with the embedded defaults: addresses, key and example commands. A configured key is not
 * printed: logs keep what a start prints.
 */
export function banner(apiUrl: string, { simulator, generatedKey }: Provided, apiVersion: string): string {
  const key = generatedKey ?? '<a secret of API_KEYS>';
  if (simulator === undefined) return '';
  const token = simulator.sessions.issue({ userId: simulator.org.named.admin.id, neverExpires: true });
  const create = `curl -s ${simulator.instanceUrl}/services/data/v${apiVersion}/sobjects/Account -H 'Authorization: Bearer ${token}' -H 'Content-Type: application/json' -d '{"Name":"Blue Harbour Ltd"}'`;
  const read = `curl -s '${apiUrl}/v1/accounts?name=Blue%20Harbour%20Ltd' -H 'Authorization: Bearer ${key}'`;
  return `
Tidemark is running with its embedded defaults: PostgreSQL and a Salesforce simulator.

  API         ${apiUrl}
  Console     ${apiUrl}/  (in a browser)
  API docs    ${apiUrl}/docs
  API key     ${key}
  Salesforce  ${simulator.instanceUrl}  (simulator, ${simulator.org.size} accounts; Pub/Sub API at ${simulator.pubsubEndpoint})

Create an account in Salesforce:
${create}

Read it from Tidemark a moment later, with its signup code:
${read}

Ctrl-C stops everything; the data is kept for the next start.

`;
}
