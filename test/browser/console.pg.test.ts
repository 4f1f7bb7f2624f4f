import { randomUUID } from 'node:crypto';
import type { Browser, BrowserContext } from 'playwright-core';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
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
import {
  findProblems,
  hasConsole,
  launchBrowser,
  type Session,
  type Size,
  signIn,
} from './console-browser.ts';

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

const atEachSize = it.each<Size>(['desktop', 'phone']);

describe.skipIf(!hasConsole)('the web console', () => {
  let simulator: Simulator;
  let database: TestDatabase;
  let tidemark: Tidemark;
  let browser: Browser;
  let context: BrowserContext;
  let session: Session;
  let isUsed = false;
  /** Accounts that existed before the start, for each size its own. */
  let ids: Readonly<Record<Size, readonly string[]>>;
  let stubborn: string;
  let undecodable = '';

  beforeAll(async () => {
    database = await createTestDatabase();
    simulator = await startSimulator({ accounts: 32 });
    const all = [...simulator.org.records()].map(({ id }) => id);
    ids = { desktop: all.slice(0, 16), phone: all.slice(16) };
    tidemark = await startTidemark(database.url, simulator, {
      apiKeys,
      simulatorUrl: simulator.instanceUrl,
      // A verification waits for changes that may still arrive.
      timing: { settleMs: 200 },
      settings: [{ ...topicSetting, value: '/data/AccountChangeEvent', source: 'default' }],
    });
    browser = await launchBrowser();
    context = await browser.newContext();
    stubborn = await createRefused('Stubborn Ltd');
    undecodable = await publishGarbage();
    session = await signIn(context, tidemark.url, storyKey, { size: 'desktop' });
  });
  afterEach(async () => {
    simulator.faults.clearAll();
    if (isUsed) expect(await findProblems(session.page)).toEqual([]);
    isUsed = false;
  });
  afterAll(async () => {
    await browser?.close();
    await tidemark?.stop();
    await simulator?.close();
    await database?.drop();
  });

  /** One page for all tests: a second one would follow the same events, and loading it takes longer than a test. */
  const use = async (size: Size): Promise<Session> => {
    isUsed = true;
    await session.resize(size);
    return session;
  };

  /** Creates an account whose code Salesforce refuses. */
  async function createRefused(name: string): Promise<string> {
    simulator.faults.records.refused.on({
      errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      field: 'SignUpCode__c',
      namePattern: '^Stubborn',
    });
    const id = await create(name);
    await failed(id, 1);
    return id;
  }

  const failed = (id: string, attempts: number): Promise<unknown> =>
    eventually('the code has failed', async () => {
      type Code = { state: string; history: unknown[] };
      const { state, history } = await tidemark.get<Code>(`/v1/write-backs/${id}`);
      return state === 'failed' && history.length >= attempts;
    });

  /** Publishes an event that cannot be decoded. Returns its number in the log when it has failed. */
  async function publishGarbage(): Promise<string> {
    const topic = '/data/AccountChangeEvent';
    const schemaId = simulator.bus.topic(topic)?.schemaId() ?? '';
    const id = randomUUID();
    simulator.bus.publishRaw(topic, { id, schemaId, payload: Buffer.from([0xff, 0xff, 0xff]) });
    return failedEvent(({ eventId, state }) => eventId === id && state !== 'stored');
  }

  /** The number of an event in the log. */
  const failedEvent = (isFailed: (event: ApiEvent) => boolean): Promise<string> =>
    eventually('the event has failed', async () => {
      const { data } = await tidemark.get<List<ApiEvent>>('/v1/events');
      return data.find(isFailed)?.id;
    });

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
  const repaired = (): Promise<unknown> =>
    eventually('the repairs of earlier incidents are done', async () => {
      return (await tidemark.get<{ resyncs: unknown[] }>('/v1/status')).resyncs.length === 0;
    });

  atEachSize('every page conforms to WCAG 2.2 AA and fits the window at the size of a %s', async (size) => {
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
    const { page, open, load } = await use(size);
    for (const view of views) {
      await (size === 'desktop' ? load(view) : open(view));
      await page.evaluate(`document.querySelectorAll('details').forEach((each) => { each.open = true; })`);
      await page.emulateMedia({ colorScheme: 'light' });
      expect([view, await findProblems(page)]).toEqual([view, []]);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect([view, await findProblems(page, 'ofColors')]).toEqual([view, []]);
    }
  });

  atEachSize(
    'a created account and its confirmed code appear by clicking only, from the simulator to the list of accounts (%s)',
    async (size) => {
      const { page, open, follow, click, says } = await use(size);
      const name = `Blue Harbour ${size} Ltd`;
      await open('/');
      await follow('Simulator');
      await page.getByLabel('Name of a new account').fill(name);
      await click('Create account');
      const row = page.getByRole('row').filter({ hasText: name });
      await row.getByText('confirmed').waitFor();
      expect(new URL(page.url()).pathname).toBe('/accounts');
      await row.getByRole('link').first().click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      const { data } = await tidemark.get<List<{ signupCode: string }>>(
        `/v1/accounts?name=${encodeURIComponent(name)}`,
      );
      await says(data[0]?.signupCode ?? 'no code');
      expect(await page.evaluate('document.activeElement?.tagName')).toBe('H1');
    },
  );

  atEachSize(
    'the overview says in its first sentence that something needs attention, and why (%s)',
    async (size) => {
      const { page, open, click, says } = await use(size);
      await open('/');
      await says('The mirror is current but degraded');
      await says('To do');
      await says('Events per minute');
      await click('Reconnect now');
      await says('The stream is open: there is nothing to reconnect.');
      await click('Verify now');
      await page.getByRole('heading', { level: 1, name: 'Resync: verify all' }).waitFor();
      await says('None: the mirror equals Salesforce.');
    },
  );

  atEachSize(
    'an account shows what wrote a field, reads itself again, and gets and regenerates a code (%s)',
    async (size) => {
      const { page, open, click, confirm, says } = await use(size);
      const id = ids[size][0] ?? '';
      await change(id, { Industry: 'Energy' });
      await open(`/accounts/${id}`);
      const show = page.getByRole('row').filter({ hasText: 'Industry' }).getByRole('button');
      await show.click();
      await page.getByRole('dialog').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'hidden' });
      await show.click();
      await page.getByRole('dialog').getByText('UPDATE').first().waitFor();
      await confirm('Close');
      expect(await page.getByRole('link', { name: 'Open in Salesforce' }).getAttribute('href')).toBe(
        `${simulator.instanceUrl}/${id}`,
      );
      await click(/^Show \d+ empty fields$/);
      await page.getByRole('cell', { name: 'Fax', exact: true }).waitFor();
      await click('Hide empty fields');
      await click('Read again');
      await says('The account has been read from Salesforce.');
      await click('Give a code');
      await page.getByRole('region', { name: 'Signup code' }).getByText('confirmed').first().waitFor();
      await click('Regenerate');
      await confirm('Regenerate');
      await page.getByRole('table').getByText('replaced', { exact: true }).waitFor();
      const differences = page.getByRole('region', { name: 'Difference between two times' });
      await differences.getByText('Energy').waitFor();
      await differences.getByLabel('From').fill('');
      await says('Choose a time.');
    },
  );

  atEachSize(
    'failed codes are listed by cause with the words of Salesforce, and sent again one by one or by cause (%s)',
    async (size) => {
      const { page, open, click, confirm, says } = await use(size);
      const name = `Stubborn ${size} Ltd`;
      const id = await createRefused(name);
      await open('/codes');
      await page.getByRole('link', { name: 'FIELD_CUSTOM_VALIDATION_EXCEPTION' }).first().click();
      await page.getByRole('row').filter({ hasText: name }).waitFor();
      await page.getByRole('button', { name: `Retry ${name}` }).click();
      await says('The code is sent again now.');
      await failed(id, 2);
      await open(`/accounts/${id}`);
      await click('Send again');
      await says('The code is sent again now.');
      await failed(id, 3);
      await open('/codes?errorCode=FIELD_CUSTOM_VALIDATION_EXCEPTION');
      await page.getByLabel('State').selectOption('failed');
      await click('Show all causes');
      simulator.faults.records.refused.off();
      await click(/^Retry cause/);
      await confirm('Retry cause');
      await says('Salesforce has confirmed all codes.');
    },
  );

  atEachSize(
    'a failed event shows its bytes, is applied again and dismissed, and its incident is repaired (%s)',
    async (size) => {
      const { page, open, click, confirm, says } = await use(size);
      await repaired();
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
    },
  );

  atEachSize('a button beside a failed event re-reads its records (%s)', async (size) => {
    const { page, open } = await use(size);
    await repaired();
    simulator.faults.rest.fail.on({ how: 'unavailable' });
    const account = ids[size][4] ?? '';
    simulator.faults.events.undecodable.on({ how: 'cut', recordIds: [account] });
    // The header is in the half that is left.
    await change(account, { Description: 'A long text. '.repeat(200) });
    simulator.faults.events.undecodable.off();
    const id = await failedEvent(({ state, recordIds }) => state === 'failed' && recordIds.includes(account));
    await open('/incidents');
    await page.getByRole('button', { name: `Resync these the records of event ${id}`, exact: true }).click();
    await page.getByRole('heading', { level: 1, name: 'Resync: repair accounts' }).waitFor();
    simulator.faults.rest.fail.off();
    await page.getByText('done', { exact: true }).waitFor();
    await open('/incidents');
    await page.getByLabel('State').selectOption('closed');
    await page.getByRole('cell', { name: 'closed', exact: true }).first().waitFor();
  });

  atEachSize('differences are displayed side by side and repaired (%s)', async (size) => {
    const { page, open, click } = await use(size);
    const id = ids[size][1] ?? '';
    await repaired();
    simulator.faults.events.lost.on({ recordIds: [id] });
    await change(id, { Phone: '+47 99 99 99 99' });
    await open('/resyncs');
    await page.getByLabel('What to do').selectOption('Compare only');
    await click('Start');
    await page.getByRole('row').filter({ hasText: '+47 99 99 99 99' }).waitFor();
    await click('Repair these');
    await page.getByRole('heading', { level: 1, name: 'Resync: repair accounts' }).waitFor();
    await page.getByText('done', { exact: true }).waitFor();
    const account = await tidemark.get<{ fields: Record<string, unknown> }>(`/v1/accounts/${id}`);
    expect(account.fields['Phone']).toBe('+47 99 99 99 99');
  });

  atEachSize('a resync is started for a sample, for a list of ids and since a time (%s)', async (size) => {
    const { page, open, click } = await use(size);
    const forms = [
      ['All accounts', 'Compare a sample', undefined, 'sample all'],
      ['A list of ids', 'Read and repair', ['Account ids', ids[size][2] ?? ''], 'repair accounts'],
      ['Changed since a time', 'Compare only', ['Since', '2026-01-02T03:04'], 'verify since'],
    ] as const;
    for (const [accounts, what, extent, title] of forms) {
      await open('/resyncs');
      await page.getByLabel('Accounts', { exact: true }).selectOption(accounts);
      await page.getByLabel('What to do').selectOption(what);
      if (extent !== undefined) await page.getByLabel(extent[0]).fill(extent[1]);
      await click('Start');
      await page.getByRole('heading', { level: 1, name: `Resync: ${title}` }).waitFor();
      await page.getByText('done', { exact: true }).waitFor();
    }
  });

  atEachSize('a resync that finds too many accounts missing is cancelled or confirmed (%s)', async (size) => {
    const { page, open, click, confirm, says } = await use(size);
    const hidden = ids[size].slice(5);
    simulator.faults.rest.hiddenRecords.on({ recordIds: hidden });
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
    const account = await tidemark.get<{ deletedAt: string | null }>(`/v1/accounts/${hidden[0]}`);
    expect(account.deletedAt).not.toBeNull();
  });

  atEachSize('the tail of events is live, filtered, paused and resumed (%s)', async (size) => {
    const { page, open, click, says } = await use(size);
    const id = ids[size][3] ?? '';
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
    expect(await page.getByRole('row').count()).toBe(2);
    await click('Resume');
    await page.getByRole('row').nth(2).waitFor();
    await page.getByRole('row').nth(1).getByRole('link').first().click();
    await page.getByRole('link', { name: /^\w{8}-\w{4}-/ }).click();
    await page.getByRole('heading', { level: 1, name: 'Transaction' }).waitFor();
    await says('example.com');
  });

  atEachSize(
    'the simulator changes and deletes records, and faults are switched on and off (%s)',
    async (size) => {
      const { page, open, click, confirm, says } = await use(size);
      const [before, after] = [`Passing ${size} Ltd`, `Renamed ${size} Ltd`];
      await create(before);
      await open('/salesforce-simulator');
      await page.getByRole('button', { name: `Change ${before}`, exact: true }).click();
      await page.getByLabel('New name').fill(after);
      await confirm('Change');
      await page.getByRole('button', { name: `Delete ${after}` }).click();
      await confirm('Delete');
      await eventually('the account is deleted in the mirror', async () => {
        const { data } = await tidemark.get<List<unknown>>(
          `/v1/accounts?deleted=true&name=${encodeURIComponent(after)}`,
        );
        return data.length === 1;
      });
      await page.getByText(/^rest \(/).click();
      const slow = page.getByRole('button', { name: 'Switch on rest.slow' });
      await slow.click();
      await page.getByLabel('delayMs').fill('1');
      await confirm('Switch on');
      await page.getByRole('button', { name: 'Switch off rest.slow' }).click();
      await says('No fault is on');
      await slow.click();
      await confirm('Switch on');
      await click('Switch all off');
      await says('No fault is on');
      await page.getByText(/^events \(/).click();
      await page.getByRole('button', { name: 'Do it once events.publishGap' }).click();
      await page.getByLabel('changeType').selectOption('GAP_UPDATE');
      await page.getByLabel('recordIds').fill(ids[size][0] ?? '');
      await confirm('Do it once');
      await says('events.publishGap has happened.');
      await slow.click();
      await page.getByLabel('delayMs').fill('soon');
      await confirm('Switch on');
      await page.getByRole('alert').getByText('Refused by the simulator').waitFor();
      await confirm('Close');
    },
  );

  atEachSize(
    'the system page shows the leader, keys by name and settings, and what operators did (%s)',
    async (size) => {
      const { page, open, click } = await use(size);
      await open('/system');
      await page.getByRole('table').getByText(', leader').waitFor();
      await page.getByRole('cell', { name: 'reader', exact: true }).waitFor();
      await click('Show defaults');
      await page.getByText('CDC_TOPIC', { exact: true }).waitFor();
      await eventually('the actions are recorded', async () => {
        await open('/system');
        return (await page.getByText(/^POST \/v1\/resyncs$/).count()) > 0;
      });
    },
  );

  atEachSize('a key that may only read gets no actions, and sign-out forgets it (%s)', async (size) => {
    const { page, errors, open, click, says } = await signIn(context, tidemark.url, readerKey, { size });
    const menu = size === 'phone' ? 'Menu' : 'Sign out';
    expect(await page.getByRole('button').allInnerTexts()).toEqual([menu]);
    await open('/resyncs');
    expect(await page.getByRole('button', { name: 'Start' }).count()).toBe(0);
    if (size === 'phone') await click('Menu');
    expect(await findProblems(page)).toEqual([]);
    await click('Sign out');
    await page.reload();
    await page.getByLabel('API key').waitFor();
    expect(await findProblems(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.getByLabel('API key').fill('wrong');
    await click('Sign in');
    await says('The API key is unknown.');
    await says('Request id');
    expect(await findProblems(page)).toEqual([]);
    await page.close();
  });

  it('the pages of the console cause no errors in the browser', () => {
    // A refused fault is a response with the status 400.
    expect(session.errors.filter((error) => !error.includes('status of 400'))).toEqual([]);
  });
});
