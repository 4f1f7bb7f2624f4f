// Writes docs/images from the console of a service that runs with the simulator: npm run screenshots.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { startSimulator } from 'salesforce-simulator';
import { startEmbeddedPostgres } from '../src/db/embedded-postgres.ts';
import { launchBrowser, openView, signIn } from '../test/browser/console-browser.ts';
import { buildConsole } from '../test/helpers/build-console.ts';
import { eventually } from '../test/helpers/eventually.ts';
import { startTidemark, storyKey, type Tidemark } from '../test/helpers/tidemark.ts';

const images = fileURLToPath(new URL('images/', import.meta.url));
const names = [
  'Blue Harbour Ltd',
  'Northwind Traders',
  'Fjord Logistics AS',
  'Alpine Instruments GmbH',
  'Stubborn Ltd',
];

buildConsole();
const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-screenshots-'));
const postgres = await startEmbeddedPostgres({ folder, password: 'screenshots' });
const simulator = await startSimulator({ accounts: 40 });
const tidemark = await startTidemark(postgres.url, simulator, { simulatorUrl: simulator.instanceUrl });
const browser = await launchBrowser();
try {
  const id = await makeData(tidemark, simulator.instanceUrl);
  await fillDay(postgres.url);
  const { page } = await signIn(browser, tidemark.url, storyKey, { size: 'desktop' });
  await page.setViewportSize({ width: 1120, height: 760 });
  await take(page, '/', 'console-overview');
  await take(page, `/accounts/${id}`, 'console-account');
  await take(page, '/codes', 'console-codes');
  await take(page, '/salesforce-simulator', 'console-simulator');
} finally {
  await browser.close();
  await tidemark.stop();
  await simulator.close();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function take(page: Page, view: string, name: string): Promise<void> {
  await openView(page, tidemark.url + view);
  await page.screenshot({ path: `${images}${name}.png` });
}

/** Accounts with codes, one of which Salesforce refuses. Returns the id of an account with a history. */
async function makeData({ get, request }: Tidemark, simulatorUrl: string): Promise<string> {
  const control = async (method: string, resource: string, body: object): Promise<{ id: string }> => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${simulatorUrl}/simulator${resource}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    return (await response.json()) as { id: string };
  };
  await control('POST', '/faults/records.refused', {
    errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
    field: 'SignUpCode__c',
    namePattern: '^Stubborn',
  });
  const ids: string[] = [];
  for (const Name of names) ids.push((await control('POST', '/records', { Name })).id);
  await control('PATCH', `/records/${ids[0]}`, { Industry: 'Shipping', Phone: '+47 22 00 00 00' });
  await control('PATCH', `/records/${ids[0]}`, { Industry: 'Energy', BillingCity: 'Bergen' });
  await request('POST', '/v1/resyncs', { scope: 'all', mode: 'verify' });
  await eventually('the codes are written and the mirror is verified', async () => {
    type Status = { verifiedThrough: string | null; writeBack: { counts: Record<string, number> } };
    const { verifiedThrough, writeBack } = await get<Status>('/v1/status');
    return (
      verifiedThrough !== null && writeBack.counts['confirmed'] === 4 && writeBack.counts['failed'] === 1
    );
  });
  return ids[0] ?? '';
}

/** Statistics of a day with an outage of ten minutes, which a service that has just started does not have. */
async function fillDay(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`
    insert into minute_statistics (minute, events, failed_events, codes, failed_codes, connection_errors, max_lag_ms)
    select date_trunc('minute', now()) - n * interval '1 minute',
           case when n between 400 and 410 then 0 else 120 + 90 * sin(n / 160.0) + 30 * random() end, 0,
           10 + 8 * sin(n / 110.0) + 3 * random(), 0, (n between 400 and 410)::int,
           case when n between 400 and 410 then (411 - n) * 60000 else 200 + 500 * random() end
      from generate_series(1, 1435) n on conflict do nothing`);
  await client.end();
}
