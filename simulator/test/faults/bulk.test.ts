import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { bulkClient, locatorOf, readAll, readCsv } from '../http/bulk/bulk-client.ts';
import { textAt } from '../http/open-simulator.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const handle = useFaultSimulator({ accounts: 30 });
const { rest, send } = handle;
const { complete, create, jobAt, page, reaches } = bulkClient(handle);
const faults = () => handle.simulator.faults;
const ALL = 'SELECT Id, Name FROM Account';
const rowsOf = (body: unknown) => readCsv(String(body)).slice(1);

describe('faults of bulk jobs', () => {
  it('a bulk job is held before or after it reads its rows', async () => {
    const before = faults().bulk.hold.on({ state: 'UploadComplete', query: 'Name' });
    const after = faults().bulk.hold.on({ client: 'Slow' });
    const waiting = textAt(await create(ALL), 'id');
    const running = textAt(
      await create('SELECT Id FROM Account', {}, { 'sforce-call-options': 'client=Slow' }),
      'id',
    );
    await reaches(running, 'InProgress');
    await handle.create();
    expect((await jobAt(waiting)).body).toMatchObject({ state: 'UploadComplete' });
    before.off();
    expect((await reaches(waiting, 'JobComplete')).body).toMatchObject({ numberRecordsProcessed: 31 });
    expect((await jobAt(running)).body).toMatchObject({ state: 'InProgress', numberRecordsProcessed: 30 });
    after.off();
    await reaches(running, 'JobComplete');
  });

  it('a bulk job is delayed', async () => {
    await send('POST', '/simulator/faults/bulk.slow', { delayMs: 3_600_000, times: 1 });
    const slow = textAt(await create(ALL), 'id');
    await complete(ALL);
    expect((await jobAt(slow)).body).toMatchObject({ state: 'UploadComplete' });
  });

  it('a bulk job fails with a message or is aborted', async () => {
    const errorMessage = 'InternalServerError : Retried more than 15 times';
    faults().bulk.fail.on({ errorMessage, times: 1 });
    const failed = textAt(await create(ALL), 'id');
    expect((await reaches(failed, 'Failed')).body).toMatchObject({ errorMessage });
    expect((await page(failed)).status).toBe(400);
    faults().bulk.abort.on({ times: 1 });
    await reaches(textAt(await create(ALL), 'id'), 'Aborted');
    await complete(ALL);
  });

  it('a bulk job disappears on completion, after a page or at once', async () => {
    faults().bulk.vanish.on({ times: 1 });
    const id = textAt(await create(ALL), 'id');
    await eventually('the job is gone', async () => (await jobAt(id)).status === 404);
    faults().bulk.vanish.on({ afterPages: 1, times: 1 });
    const second = await complete(ALL);
    const first = await page(second, { maxRecords: '10' });
    expect(rowsOf(first.body)).toHaveLength(10);
    expect((await page(second, { locator: locatorOf(first) })).status).toBe(404);
    const third = await complete(ALL);
    expect((await send('POST', '/simulator/faults/bulk.forget')).body).toMatchObject({ name: 'bulk.forget' });
    expect((await page(third)).status).toBe(404);
    expect((await rest('GET', '/jobs/query')).body).toMatchObject({ records: [] });
  });
});

describe('faults of bulk result pages', () => {
  it.each([
    ['session-expired', 401],
    ['not-found', 404],
    ['server-error', 500],
    ['unavailable', 503],
  ] as const)('a page is refused as %s in the middle of paging', async (how, status) => {
    const id = await complete(ALL);
    const first = await page(id, { maxRecords: '20' });
    faults().rest.fail.on({ how, path: 'locator=', times: 1 });
    expect((await page(id, { locator: locatorOf(first) })).status).toBe(status);
    expect((await page(id, { locator: locatorOf(first) })).status).toBe(200);
  });

  it('a page is cut off after some rows', async () => {
    const id = await complete(ALL);
    const { instanceUrl, sessions } = handle.simulator;
    const read = async () => {
      const headers = { authorization: `Bearer ${sessions.issue()}` };
      const answer = await fetch(`${instanceUrl}/services/data/v66.0/jobs/query/${id}/results`, { headers });
      expect(answer.headers.get('sforce-numberofrecords')).toBe(String(handle.simulator.org.size));
      const received: Uint8Array[] = [];
      try {
        for await (const piece of answer.body ?? []) received.push(piece);
      } catch (error) {
        expect(error).toMatchObject({ message: 'terminated' });
        return { isCut: true, text: Buffer.concat(received).toString() };
      }
      return { isCut: false, text: Buffer.concat(received).toString() };
    };
    faults().bulk.cutPages.on({ afterRows: 7, times: 1 });
    const cut = await read();
    const whole = await read();
    expect([cut.isCut, whole.isCut]).toEqual([true, false]);
    expect(rowsOf(cut.text)).toEqual(rowsOf(whole.text).slice(0, 7));
  });

  it('the general request fault truncates a page to its beginning', async () => {
    const id = await complete(ALL);
    faults().rest.fail.on({ how: 'truncated', path: '/results', times: 1 });
    expect((await page(id)).body).toBe('"Id","Name"\n');
    faults().rest.fail.on({ how: 'cut-after', path: '/results', times: 1 });
    await expect(page(id)).rejects.toThrow('fetch failed');
  });

  it('a page ends cleanly without some of its rows', async () => {
    const id = await complete(ALL);
    faults().bulk.shortPages.on({ missing: 3, fromRow: 1, times: 1 });
    const { pages } = await readAll((locator) => page(id, { maxRecords: '10', ...(locator && { locator }) }));
    expect(pages.slice(0, 3).map(({ headers }) => headers.get('sforce-numberofrecords'))).toEqual([
      '10',
      '10',
      '10',
    ]);
    expect(pages.slice(0, 3).map(({ body }) => rowsOf(body).length)).toEqual([10, 7, 10]);
  });

  it('a page is smaller than requested and all pages together are complete', async () => {
    const id = await complete(ALL);
    faults().bulk.smallPages.on({ rows: 4, times: 3 });
    const { pages, rows } = await readAll((locator) => page(id, { ...(locator && { locator }) }));
    expect(pages).toHaveLength(4);
    expect(rows).toEqual(rowsOf((await page(id)).body));
  });

  it('a page arrives in pieces', async () => {
    const id = await complete(ALL);
    const { instanceUrl, sessions } = handle.simulator;
    faults().bulk.slowPages.on({ delayMs: 3_600_000, rows: 10 });
    const headers = { authorization: `Bearer ${sessions.issue()}` };
    const answer = await fetch(`${instanceUrl}/services/data/v66.0/jobs/query/${id}/results`, { headers });
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('"Id","Name"\n');
    await reader?.cancel();
  });
});
