import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { hasNginx, startNginx } from '../helpers/nginx.ts';
import { insertSampleAccounts } from '../http/sample-accounts.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';
import { hasBrowser, launchBrowser } from './console-browser.ts';

// Where there is no browser, the pages are still served and checked by openapi.test.ts.
describe.skipIf(!hasBrowser)('the documentation pages in a browser', () => {
  let database: TestDatabase;
  let server: TestServer;
  let browser: Browser;
  let page: Page;
  /** The errors of the browser, and the hosts that it requested. */
  const complaints: string[] = [];
  const hosts = new Set<string>();

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ databaseUrl: database.url });
    await insertSampleAccounts(server.database.prisma);
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 1400 } });
    // On a busy machine the first page takes long.
    page.setDefaultTimeout(120_000);
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (/^https?:/.test(request.url())) hosts.add(new URL(request.url()).host);
    });
    await page.goto(`${server.url}/docs`);
    await page.locator('.opblock').first().waitFor();
    if (process.env['SCREENSHOT'] !== undefined) await page.screenshot({ path: process.env['SCREENSHOT'] });
  });
  afterAll(async () => {
    await browser?.close();
    await server.close();
    await database.drop();
  });

  test('the documentation pages accept a key and try an operation with this server alone and without an error', async () => {
    await authorizeAndList(page);
    expect(complaints).toEqual([]);
    expect([...hosts]).toEqual([new URL(server.url).host]);
  });

  test('the documentation pages show every operation once with accounts first', async () => {
    const shown = await page.locator('.opblock').count();
    const operations = Object.values(server.description.paths).flatMap((methods) => Object.values(methods));
    expect(shown).toBe(operations.length);
    expect(await page.locator('.opblock-tag-section h3').first().innerText()).toContain('Accounts');
  });

  test('the live stream cannot be tried, and the key is kept when the page is loaded again', async () => {
    await page.reload();
    const stream = page.locator('#operations-Events-streamEvents');
    await stream.locator('.opblock-summary-control').click();
    await stream.getByText('Server-Sent Events').first().waitFor();
    expect(await stream.getByRole('button', { name: /execute|try it out/i }).count()).toBe(0);
    const operation = page.locator('#operations-Status-getStatus');
    await operation.locator('.opblock-summary-control').click();
    await operation.getByRole('button', { name: 'Execute' }).click();
    await operation.locator('.live-responses-table').getByText('"health"').first().waitFor();
    expect(complaints).toEqual([]);
  });

  test.skipIf(!hasNginx)('the documentation pages work behind a proxy that adds a prefix', async () => {
    await using nginx = await startNginx(server.url);
    await page.goto(`${nginx.url}/docs`);
    await authorizeAndList(page);
    expect(complaints).toEqual([]);
  });
});

/** Enters a key, and executes the operation that lists accounts. */
async function authorizeAndList(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Authorize' }).first().click();
  const dialog = page.locator('.modal-ux');
  await dialog.locator('input').first().fill(keys.read);
  await dialog
    .getByRole('button', { name: /apply credentials|authorize/i })
    .first()
    .click();
  await dialog.getByRole('button', { name: /close/i }).first().click();

  const operation = page.locator('#operations-Accounts-listAccounts');
  await operation.locator('.opblock-summary-control').click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  const answer = operation.locator('.live-responses-table');
  await answer.getByText('Acme West').first().waitFor();
  expect(await answer.locator('.response-col_status').nth(1).innerText()).toContain('200');
}
