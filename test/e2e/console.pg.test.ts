import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiKey } from '../../src/http/api-key.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  type ApiEvent,
  type Page as List,
  startTidemark,
  storyKey,
  type Tidemark,
} from '../helpers/tidemark.ts';
import { chromiumPath, launchBrowser, openView, overflow, signIn, violations } from './console-browser.ts';

const isBuilt = existsSync(new URL('../../console/dist/index.html', import.meta.url));
const present = existsSync(chromiumPath) && isBuilt;
if (!present) process.stderr.write(`skipped: the console is not built, or there is no ${chromiumPath}\n`);

const readerKey = 'tdm_test_key_of_a_reader';
const apiKeys: readonly ApiKey[] = [
  { name: 'story', scopes: ['read', 'write', 'admin'], secret: storyKey },
  { name: 'reader', scopes: ['read'], secret: readerKey },
];

const topicSetting = {
  name: 'CDC_TOPIC',
  group: 'Change events',
  secret: false,
  description: 'The topic.',
} as const;

describe.skipIf(!present)('the web console', () => {
  let simulator: Simulator;
  let database: TestDatabase;
  let tidemark: Tidemark;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  /** Accounts that existed before the start. */
  let ids: string[];
  let stubborn: string;
  let undecodable = '';

  beforeAll(async () => {
    database = await createTestDatabase();
    simulator = await startSimulator({ accounts: 30 });
    ids = [...simulator.org.records()].map(({ id }) => id);
    tidemark = await startTidemark(database.url, simulator, {
      apiKeys,
      simulatorUrl: simulator.instanceUrl,
      // A verification waits for changes that may still arrive.
      timing: { settleMs: 200 },
      settings: [{ ...topicSetting, value: '/data/AccountChangeEvent', source: 'default' }],
    });
    browser = await launchBrowser();
    await causeTrouble();
    ({ page, errors } = await signIn(browser, tidemark.url, storyKey, { size: 'desktop' }));
  });
  afterAll(async () => {
    await browser?.close();
    await tidemark?.stop();
    await simulator?.close();
    await database?.drop();
  });

  /** A failed code, an event that cannot be decoded and a lost change, so that no page is empty. */
  async function causeTrouble(): Promise<void> {
    simulator.faults.records.refused.on({
      errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      field: 'SignUpCode__c',
      namePattern: '^Stubborn',
    });
    stubborn = await create('Stubborn Ltd');
    undecodable = await publishGarbage();
    await eventually('a code has failed', async () => {
      const { data } = await tidemark.get<List<unknown>>('/v1/write-backs?state=failed');
      return data.length === 1;
    });
  }

  /** Publishes an event that cannot be decoded. Returns its number in the log when it has failed. */
  async function publishGarbage(): Promise<string> {
    const topic = '/data/AccountChangeEvent';
    const schemaId = simulator.bus.topic(topic)?.schemaId() ?? '';
    const id = randomUUID();
    simulator.bus.publishRaw(topic, { id, schemaId, payload: Buffer.from([0xff, 0xff, 0xff]) });
    let failed: ApiEvent | undefined;
    await eventually('the event has failed', async () => {
      const { data } = await tidemark.get<List<ApiEvent>>('/v1/events');
      failed = data.find(({ eventId, state }) => eventId === id && state !== 'stored');
      return failed !== undefined;
    });
    return failed?.id ?? '';
  }

  const control = async (method: string, path: string, body: object): Promise<{ id: string }> => {
    const headers = { 'content-type': 'application/json' };
    const url = `${simulator.instanceUrl}/simulator${path}`;
    return (await (await fetch(url, { method, headers, body: JSON.stringify(body) })).json()) as {
      id: string;
    };
  };
  const create = async (name: string): Promise<string> =>
    (await control('POST', '/records', { Name: name })).id;
  const change = (id: string, values: object) => control('PATCH', `/records/${id}`, values);
  const open = (path: string): Promise<void> => openView(page, tidemark.url + path);
  const click = (name: string | RegExp): Promise<void> => page.getByRole('button', { name }).first().click();
  const confirm = (name: string): Promise<void> =>
    page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
  const says = (text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor();

  it.each(['desktop', 'phone'] as const)(
    'every page conforms to WCAG 2.2 AA and fits the window at the size of a %s',
    async (size) => {
      const transaction = (await tidemark.get<List<ApiEvent>>('/v1/events?state=applied')).data[0];
      const resync = (await tidemark.get<List<{ id: string }>>('/v1/resyncs')).data[0];
      const views = [
        '/',
        '/accounts',
        `/accounts/${stubborn}`,
        '/codes',
        '/incidents',
        `/events/${undecodable}`,
        '/resyncs',
        `/resyncs/${resync?.id}`,
        '/events',
        `/transactions/${transaction?.transactionKey}`,
        '/system',
        '/salesforce-simulator',
      ];
      const session = await signIn(browser, tidemark.url, storyKey, { size });
      for (const view of views) {
        await openView(session.page, tidemark.url + view);
        await session.page.evaluate(
          `document.querySelectorAll('details').forEach((each) => { each.open = true; })`,
        );
        expect([view, await overflow(session.page)]).toEqual([view, 0]);
        for (const colorScheme of ['light', 'dark'] as const) {
          await session.page.emulateMedia({ colorScheme });
          expect([view, await violations(session.page)]).toEqual([view, []]);
        }
      }
      expect(session.errors).toEqual([]);
      await session.page.close();
    },
  );

  it('a created account and its confirmed code appear by clicking only, from the simulator to the list of accounts', async () => {
    await open('/');
    await page.getByRole('link', { name: 'Simulator' }).click();
    await page.getByLabel('Name of a new account').fill('Blue Harbour Ltd');
    await click('Create account');
    const row = page.getByRole('row').filter({ hasText: 'Blue Harbour Ltd' });
    await row.getByText('confirmed').waitFor();
    expect(new URL(page.url()).pathname).toBe('/accounts');
    await row.getByRole('link').first().click();
    await page.getByRole('heading', { level: 1, name: 'Blue Harbour Ltd' }).waitFor();
    const { data } = await tidemark.get<List<{ signupCode: string }>>(
      '/v1/accounts?name=Blue%20Harbour%20Ltd',
    );
    await says(data[0]?.signupCode ?? 'no code');
    expect(await page.evaluate('document.activeElement?.tagName')).toBe('H1');
  });

  it('the overview says in its first sentence that something needs attention, and why', async () => {
    await open('/');
    await page.getByText('The mirror is current but degraded').waitFor();
    await page.getByText('To do').first().waitFor();
    await page.getByText('Events per minute').waitFor();
    await click('Reconnect now');
    await says('The stream is open: there is nothing to reconnect.');
    await click('Verify now');
    await page.getByRole('heading', { level: 1, name: 'Resync: verify all' }).waitFor();
    await says('None: the mirror equals Salesforce.');
  });

  it('an account shows what wrote a field, reads itself again, and gets and regenerates a code', async () => {
    const id = ids[1] ?? '';
    await change(id, { Industry: 'Energy' });
    await open(`/accounts/${id}`);
    await page.getByRole('row').filter({ hasText: 'Industry' }).getByRole('button').click();
    await page.getByRole('dialog').getByText('UPDATE').first().waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('link', { name: 'Open in Salesforce' }).getAttribute('href')).toBe(
      `${simulator.instanceUrl}/${id}`,
    );
    await click('Read again');
    await says('The account has been read from Salesforce.');
    await click('Give a code');
    await page.getByRole('region', { name: 'Signup code' }).getByText('confirmed').first().waitFor();
    await click('Regenerate');
    await confirm('Regenerate');
    await page.getByRole('table').getByText('replaced', { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Difference between two times' }).getByText('Energy').waitFor();
  });

  it('failed codes are listed by cause with the words of Salesforce, and sent again one by one or by cause', async () => {
    await open('/codes');
    await page.getByRole('link', { name: 'FIELD_CUSTOM_VALIDATION_EXCEPTION' }).first().click();
    await page.getByRole('row').filter({ hasText: 'Stubborn Ltd' }).waitFor();
    await page.getByRole('button', { name: 'Retry Stubborn Ltd' }).click();
    await says('The code is sent again now.');
    await eventually('the code has failed again', async () => {
      type Code = { state: string; history: unknown[] };
      const { state, history } = await tidemark.get<Code>(`/v1/write-backs/${stubborn}`);
      return state === 'failed' && history.length > 1;
    });
    await open('/codes');
    simulator.faults.records.refused.off();
    await click(/^Retry cause/);
    await confirm('Retry cause');
    await says('Salesforce has confirmed all codes.');
  });

  it('a failed event shows its bytes, is applied again and dismissed, and its incident is repaired', async () => {
    // Otherwise the mirror reads the records instead, which ends the failure.
    simulator.faults.rest.fail.on({ how: 'unavailable' });
    const id = await publishGarbage();
    await open('/incidents');
    await page.getByRole('link', { name: `${id} undecoded` }).click();
    await page.getByText('3 bytes').click();
    await says('000000  ff ff ff');
    await click('Retry');
    await says(`Event ${id} is applied again.`);
    await open('/incidents');
    await page.getByRole('button', { name: `Dismiss event ${id}`, exact: true }).click();
    await page.getByLabel('Reason').fill('Published by a test.');
    await confirm('Dismiss');
    await says('No event has failed.');
    await page
      .getByRole('button', { name: /^Resync these incident/ })
      .first()
      .click();
    await page.getByRole('heading', { level: 1, name: /^Resync: repair/ }).waitFor();
    simulator.faults.rest.fail.off();
    await open(`/events/${id}`);
    await says('Published by a test.');
  });

  it('differences are displayed side by side and repaired', async () => {
    await eventually('the repairs of earlier incidents are done', async () => {
      return (await tidemark.get<{ resyncs: unknown[] }>('/v1/status')).resyncs.length === 0;
    });
    simulator.faults.events.lost.on({ recordIds: ids.slice(2, 3) });
    await change(ids[2] ?? '', { Phone: '+47 99 99 99 99' });
    await open('/resyncs');
    await page.getByLabel('What to do').selectOption('Compare only');
    await click('Start');
    const row = page.getByRole('row').filter({ hasText: '+47 99 99 99 99' });
    await row.waitFor();
    await click('Repair these');
    await page.getByRole('heading', { level: 1, name: 'Resync: repair accounts' }).waitFor();
    await page.getByText('done', { exact: true }).waitFor();
    const account = await tidemark.get<{ fields: Record<string, unknown> }>(`/v1/accounts/${ids[2]}`);
    expect(account.fields['Phone']).toBe('+47 99 99 99 99');
    simulator.faults.events.lost.off();
  });

  it('a resync that finds too many accounts missing is cancelled or confirmed', async () => {
    simulator.faults.rest.hiddenRecords.on({ recordIds: ids.slice(5) });
    const start = async (): Promise<void> => {
      await open('/resyncs');
      await page.getByLabel('What to do').selectOption('Read and repair');
      await click('Start');
      await page.getByRole('button', { name: 'Confirm deletions' }).waitFor();
    };
    await start();
    await click('Cancel resync');
    await says('The resync is cancelled.');
    await start();
    await click('Confirm deletions');
    await confirm('Confirm deletions');
    await page.getByText('done', { exact: true }).waitFor();
    simulator.faults.rest.hiddenRecords.off();
    expect(await tidemark.get<List<unknown>>('/v1/accounts?deleted=true&limit=1')).toMatchObject({
      data: [expect.anything()],
    });
  });

  it('the tail of events is live, filtered, paused and resumed', async () => {
    const id = ids[3] ?? '';
    await open(`/events?recordId=${id}`);
    await says('Live: the newest event is first.');
    await change(id, { Phone: '1' });
    await page.getByRole('row').filter({ hasText: id }).first().waitFor();
    await click('Pause');
    await change(id, { Website: 'example.com' });
    await eventually('the second event is in the log', async () => {
      const { data } = await tidemark.get<List<ApiEvent>>(`/v1/events?recordId=${id}&state=applied`);
      return data.length === 2;
    });
    expect(await page.getByRole('row').filter({ hasText: 'Website' }).count()).toBe(0);
    await click('Resume');
    const row = page.getByRole('row').filter({ hasText: 'Website' });
    await row.getByRole('link').last().click();
    await page.getByRole('heading', { level: 1, name: 'Transaction' }).waitFor();
    await says('example.com');
  });

  it('the simulator changes and deletes records, and faults are switched on and off', async () => {
    simulator.faults.clearAll();
    await create('Passing Ltd');
    await open('/salesforce-simulator');
    await page.getByRole('button', { name: 'Change Passing Ltd', exact: true }).click();
    await page.getByLabel('New name').fill('Renamed Ltd');
    await confirm('Change');
    await page.getByRole('button', { name: 'Delete Renamed Ltd' }).click();
    await confirm('Delete');
    await eventually('the account is deleted in the mirror', async () => {
      const { data } = await tidemark.get<List<unknown>>('/v1/accounts?deleted=true&name=Renamed%20Ltd');
      return data.length === 1;
    });
    await page.getByText(/^rest \(/).click();
    await page.getByRole('button', { name: 'Switch on rest.slow' }).click();
    await page.getByLabel('delayMs').fill('1');
    await confirm('Switch on');
    await page.getByRole('button', { name: 'Switch off rest.slow' }).click();
    await says('No fault is on');
    await page.getByRole('button', { name: 'Switch on rest.slow' }).click();
    await page.getByLabel('delayMs').fill('soon');
    await confirm('Switch on');
    await page.getByRole('alert').getByText('Refused by the simulator').waitFor();
  });

  it('the system page shows the leader, keys by name and settings, and what operators did', async () => {
    await open('/system');
    await page.getByRole('table').getByText(', leader').waitFor();
    await page.getByRole('cell', { name: 'reader', exact: true }).waitFor();
    await click('Show defaults');
    await page.getByText('CDC_TOPIC', { exact: true }).waitFor();
    await eventually('the actions are recorded', async () => {
      await open('/system');
      return (await page.getByText(/^POST \/v1\/resyncs$/).count()) > 0;
    });
  });

  it('a key that may only read gets no actions, and sign-out forgets it', async () => {
    const session = await signIn(browser, tidemark.url, readerKey, { size: 'phone' });
    const { page: reader } = session;
    expect(await reader.getByRole('button').allInnerTexts()).toEqual(['Menu']);
    await openView(reader, `${tidemark.url}/resyncs`);
    expect(await reader.getByRole('button', { name: 'Start' }).count()).toBe(0);
    await reader.getByRole('button', { name: 'Menu' }).click();
    await reader.getByRole('button', { name: 'Sign out' }).click();
    await reader.reload();
    await reader.getByLabel('API key').waitFor();
    expect(await violations(reader)).toEqual([]);
    expect(session.errors).toEqual([]);
    await reader.getByLabel('API key').fill('wrong');
    await reader.getByRole('button', { name: 'Sign in' }).click();
    await reader.getByText('The API key is unknown.').waitFor();
    await reader.getByText('Request id').waitFor();
    await reader.close();
  });

  it('the pages of the console cause no errors in the browser', () => {
    // A refused fault is a response with the status 400.
    expect(errors.filter((error) => !error.includes('status of 400'))).toEqual([]);
  });
});
