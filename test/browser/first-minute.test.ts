import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import {
  curlLines,
  npmStart,
  processesNaming,
  runPrinted,
  type ServiceProcess,
  startService,
} from '../helpers/service-process.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';
import { hasConsole, launchBrowser, signIn } from './console-browser.ts';

const makeFolder = (): Promise<string> => mkdtemp(path.join(fastFolder(), 'tidemark-first-minute-'));

const startIn = (dataDir: string, settings: Record<string, string> = {}): ServiceProcess =>
  startService({ DATA_DIR: dataDir, PORT: '0', ...settings });

/** The accounts of the printed command, once the code of each is confirmed. */
const readConfirmed = (read: string, count: number): Promise<readonly ApiAccount[]> =>
  eventually(`${count} accounts are there with a confirmed code`, async () => {
    const { data } = await runPrinted<Page<ApiAccount>>(read);
    return data.length === count && data.every(({ codeState }) => codeState === 'confirmed') && data;
  });

describe('the first minute without settings and without a Salesforce account', () => {
  let dataDir: string;
  let service: ServiceProcess;

  beforeAll(async () => {
    dataDir = await makeFolder();
    service = npmStart({ DATA_DIR: dataDir, PORT: '0' });
  });
  afterAll(async () => {
    await stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  const stop = async (): Promise<void> => {
    service?.pressCtrlC();
    await service?.ended();
  };

  it.skipIf(!hasConsole)(
    'after npm start, an account that is created in the console appears there with its code by clicking only',
    async () => {
      await curlLines(service);
      const [, url = ''] = /^ *Console +(\S+)/m.exec(service.output()) ?? [];
      const [, key = ''] = /^ *API key +(\S+)/m.exec(service.output()) ?? [];
      const browser = await launchBrowser();
      const { page, errors, follow, click } = await signIn(browser, url, key, { size: 'desktop' });
      await follow('Simulator');
      await page.getByLabel('Name of a new account').fill('Clicked Ltd');
      await click('Create account');
      await page.getByRole('heading', { level: 1, name: 'Accounts' }).waitFor();
      const row = page.getByRole('row').filter({ hasText: 'Clicked Ltd' });
      await row.getByText('confirmed').waitFor();
      const code = await row.locator('code').innerText();
      await row.getByRole('link', { name: 'Clicked Ltd' }).click();
      await page.getByRole('heading', { level: 1, name: 'Clicked Ltd' }).waitFor();
      const life = page.getByRole('region', { name: 'Signup code' });
      await life.getByText('confirmed').first().waitFor();
      expect(await life.locator('code').first().innerText()).toBe(code);
      expect(code).toMatch(/^\w{6,}$/);
      expect(errors).toEqual([]);
      await browser.close();
    },
  );

  it('the two printed commands work unchanged, the code reaches Salesforce, and Ctrl-C leaves nothing behind', async () => {
    const { create, read } = await curlLines(service);
    const { id } = await runPrinted<{ id: string }>(create);
    const [account] = await readConfirmed(read, 1);
    expect(account?.id).toBe(id);
    const token = /Bearer (00D[^']+)/.exec(create)?.[1] ?? '';
    const org = /^curl -s (http:\/\/[^/]+)/.exec(create)?.[1] ?? '';
    const held = await fetch(`${org}/services/data/v66.0/sobjects/Account/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await held.json()).toMatchObject({ SignUpCode__c: account?.signupCode });

    service.pressCtrlC();
    // A shell reports the interrupt as the reason of its end, although the service has ended in order.
    expect([0, 'SIGINT']).toContain(await service.ended());
    await eventually('no process is left', async () => (await processesNaming(dataDir)).length === 0);
  });

  it('a second start continues where the first one stopped, also after kill -9', async () => {
    await stop();
    service = startIn(dataDir);
    const lines = await curlLines(service);
    const { data } = await runPrinted<Page<ApiAccount>>(lines.read);
    await runPrinted(lines.create);
    const before = await readConfirmed(lines.read, data.length + 1);
    service.child.kill('SIGKILL');
    await service.ended();

    service = startIn(dataDir);
    const { create, read } = await curlLines(service);
    expect(await readConfirmed(read, before.length)).toEqual(before);
    await runPrinted(create);
    await readConfirmed(read, before.length + 1);
  });

  it('Ctrl-C twice within a moment, as npm passes it on, still shuts down gracefully', async () => {
    await curlLines(service);
    service.child.kill('SIGINT');
    service.child.kill('SIGINT');
    expect(await service.ended()).toBe(0);
    expect(await processesNaming(dataDir)).toEqual([]);
  });
});

it('the service shuts down gracefully while it is still starting', async () => {
  const dataDir = await makeFolder();
  const service = startIn(dataDir, { LOG_LEVEL: 'debug' });
  await eventually('PostgreSQL is being started', async () => (await processesNaming(dataDir)).length > 0);
  service.child.kill('SIGINT');
  expect(await service.ended()).toBe(0);
  await eventually('no process is left', async () => (await processesNaming(dataDir)).length === 0);
  await rm(dataDir, { recursive: true, force: true });
});
