import { Connection } from 'jsforce';
import { afterEach, describe, expect, it } from 'vitest';
import { textAt, useSimulator } from '../open-simulator.ts';
import { bulkClient, locatorOf, readAll, readCsv } from './bulk-client.ts';

const handle = useSimulator({ accounts: 25 });
const { rest, send } = handle;
const { complete, create, jobAt, page, reaches } = bulkClient(handle);
const ALL = 'SELECT Id, Name FROM Account';
const caller = () => ({
  userId: handle.simulator.org.named.admin.id,
  api: 'rest' as const,
  apiVersion: '66.0',
  client: null,
});
const insert = (values: Record<string, string | number | boolean>) => {
  const result = handle.simulator.org.transaction(caller(), (tx) => tx.insert({ Name: 'Bulk', ...values }));
  if (!result.success) throw new Error(JSON.stringify(result.errors));
  return result.id;
};

afterEach(() => {
  handle.simulator.faults.clearAll();
  handle.simulator.bulk.allowance.set({ max: 10_000, used: 0 });
});

describe('bulk query jobs', () => {
  it('a bulk job is created, runs in the background and reports what it did', async () => {
    const created = await create(ALL, { contentType: 'CSV', columnDelimiter: 'COMMA', lineEnding: 'LF' });
    const id = textAt(created, 'id');
    expect(created.status).toBe(200);
    expect(created.body).toEqual({
      id: expect.stringMatching(/^750\w{15}$/),
      operation: 'query',
      object: 'Account',
      createdById: handle.simulator.org.named.integration.id,
      createdDate: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T[\d:.]+\+0000$/),
      systemModstamp: expect.any(String),
      state: 'UploadComplete',
      concurrencyMode: 'Parallel',
      contentType: 'CSV',
      apiVersion: 66,
      lineEnding: 'LF',
      columnDelimiter: 'COMMA',
    });
    expect((await reaches(id, 'JobComplete')).body).toMatchObject({
      jobType: 'V2Query',
      numberRecordsProcessed: 25,
      retries: 0,
      totalProcessingTime: expect.any(Number),
      isPkChunkingSupported: true,
    });
  });

  it('the rows of a bulk job come in pages, each with a header row, and the last locator is null', async () => {
    const id = await complete(ALL);
    const { pages, rows } = await readAll((locator) =>
      page(id, { maxRecords: '10', ...(locator && { locator }) }),
    );
    expect(pages.map(({ headers }) => headers.get('sforce-numberofrecords'))).toEqual(['10', '10', '5']);
    expect(pages[0]?.headers.get('content-type')).toMatch(/^text\/csv/);
    for (const { body } of pages) expect(readCsv(String(body))[0]).toEqual(['Id', 'Name']);
    for (const answer of pages.slice(0, 2)) expect(Number(locatorOf(answer))).toBeNaN();
    const records = [...handle.simulator.org.records()];
    expect(rows).toEqual(records.map(({ id: recordId, values }) => [recordId, values['Name']]));
  });

  it('every value is quoted and each type has its format', async () => {
    const Name = 'Line one\nline "two", and ünïcödé 🦊';
    insert({ Name, SLAExpirationDate__c: Date.UTC(2026, 10, 23), AnnualRevenue: 12.5 });
    const fields = 'SLAExpirationDate__c, Name, Phone, AnnualRevenue, IsDeleted, CreatedDate';
    const id = await complete(`SELECT ${fields} FROM Account WHERE AnnualRevenue = 12.5`);
    const { body } = await page(id);
    expect(body).toMatch(
      /^"SLAExpirationDate__c","Name","Phone","AnnualRevenue","IsDeleted","CreatedDate"\n"2026-11-23","Line one\nline ""two"", and ünïcödé 🦊","","12\.5","false","\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"\n$/u,
    );
    const windows = await complete(`SELECT Name FROM Account WHERE AnnualRevenue = 12.5`, {
      lineEnding: 'CRLF',
    });
    expect((await page(windows)).body).toBe(`"Name"\r\n"${Name.replaceAll('"', '""')}"\r\n`);
  });

  it('later changes do not affect the result of a finished job', async () => {
    const before = await complete(ALL);
    const [renamed, deleted] = [...handle.simulator.org.records()].slice(-2);
    const whole = (await page(before)).body;
    const half = await page(before, { maxRecords: '12' });
    handle.simulator.org.transaction(caller(), (tx) => {
      tx.update(renamed?.id ?? '', { Name: 'Renamed meanwhile' });
      tx.delete(deleted?.id ?? '');
      tx.insert({ Name: 'New meanwhile' });
    });
    const later = await page(before, { locator: locatorOf(half) });
    const [, ...laterRows] = readCsv(String(later.body));
    expect([...readCsv(String(half.body)), ...laterRows]).toEqual(readCsv(String(whole)));
    const after = readCsv(String((await page(await complete(ALL))).body));
    expect(after.flat()).toContain('Renamed meanwhile');
    expect(after.flat()).not.toContain(deleted?.id);
    const all = await complete('SELECT Id, IsDeleted FROM Account WHERE IsDeleted = true', {
      operation: 'queryAll',
    });
    expect(readCsv(String((await page(all)).body))).toContainEqual([deleted?.id, 'true']);
  });

  it('an empty result has a header row', async () => {
    const id = await complete(`${ALL} WHERE Name = 'nobody'`);
    const answer = await page(id);
    expect([answer.body, locatorOf(answer), answer.headers.get('sforce-numberofrecords')]).toEqual([
      '"Id","Name"\n',
      'null',
      '0',
    ]);
  });

  it('a job is aborted or deleted and refuses what its state does not allow', async () => {
    const hold = handle.simulator.faults.bulk.hold.on();
    const id = textAt(await create(ALL), 'id');
    await reaches(id, 'InProgress');
    const wrongState = { status: 400, body: [{ errorCode: 'INVALIDJOBSTATE' }] };
    expect(await page(id)).toMatchObject(wrongState);
    expect(await rest('GET', `/jobs/query/${id}/resultPages`)).toMatchObject(wrongState);
    expect(await rest('DELETE', `/jobs/query/${id}`)).toMatchObject(wrongState);
    const aborted = await rest('PATCH', `/jobs/query/${id}`, { state: 'Aborted' });
    expect(aborted).toMatchObject({ status: 200, body: { id, state: 'Aborted' } });
    hold.off();
    expect(await page(id)).toMatchObject(wrongState);
    expect((await rest('DELETE', `/jobs/query/${id}`)).status).toBe(204);
    expect((await jobAt(id)).status).toBe(404);
    const done = await complete(ALL);
    expect(await rest('PATCH', `/jobs/query/${done}`, { state: 'Aborted' })).toMatchObject(wrongState);
    expect(await rest('PATCH', `/jobs/query/${done}`, { state: 'JobComplete' })).toMatchObject({
      status: 400,
    });
  });

  it('results are given only in the API version that created the job', async () => {
    const id = await complete(ALL);
    const headers = { authorization: `Bearer ${handle.simulator.sessions.issue()}` };
    const at = (version: string, path: string) =>
      send('GET', `/services/data/v${version}/jobs/query/${id}${path}`, undefined, headers);
    expect((await at('65.0', '/results')).status).toBe(409);
    expect((await at('65.0', '')).status).toBe(200);
    expect((await at('46.0', '')).status).toBe(404);
    expect((await at('66.0', '/results')).status).toBe(200);
  });

  it('a path with a double slash and an invalid locator are not found', async () => {
    const id = await complete(ALL);
    const other = await complete(ALL);
    const first = await page(id, { maxRecords: '5' });
    for (const path of [`/jobs/query/${id}//results`, `/jobs/query//${id}`, `//jobs/query/${id}/results`]) {
      expect((await rest('GET', path)).status).toBe(404);
    }
    expect((await page(other, { locator: locatorOf(first) })).status).toBe(400);
    for (const locator of ['5', 'null', 'NaN', '', locatorOf(first).toLowerCase()]) {
      expect(await page(id, { locator })).toMatchObject({
        status: 400,
        body: [{ errorCode: 'INVALID_QUERY_LOCATOR' }],
      });
    }
    for (const maxRecords of ['0', '-1', 'all']) expect((await page(id, { maxRecords })).status).toBe(400);
  });

  it.each([
    ['SELECT COUNT() FROM Account', 'API_ERROR', /Aggregate functions/],
    ['SELECT MAX(Name) FROM Account', 'API_ERROR', /Aggregate functions/],
    ['SELECT Industry FROM Account GROUP BY Industry', 'API_ERROR', /Group By/],
    ['SELECT Id FROM Account LIMIT 5 OFFSET 5', 'API_ERROR', /Offset/],
    ['SELECT TYPEOF Owner WHEN User THEN Id END FROM Account', 'API_ERROR', /Typeof/],
    ['SELECT Id, (SELECT Id FROM Contacts) FROM Account', 'API_ERROR', /Aggregate Relationships/],
    ['SELECT Id, BillingAddress FROM Account', 'API_ERROR', /^Selecting compound data not supported in Bulk/],
    ['SELECT Id, Nope__c FROM Account', 'INVALID_FIELD', /No such column 'Nope__c'/],
    ['SELECT Id FROM Account WHERE Nope__c = 1', 'INVALID_FIELD', /No such column/],
    ['SELECT Id FROM Account ORDER', 'MALFORMED_QUERY', /expecting/],
    ['SELECT Id FROM Nothing__c', 'INVALID_TYPE', /not supported/],
  ])('a bulk job refuses the query %s', async (query, errorCode, message) => {
    const answer = await create(query);
    expect(answer).toMatchObject({ status: 400, body: [{ errorCode }] });
    expect(Object(answer.body)[0].message).toMatch(message);
  });

  it.each([
    { operation: 'insert' },
    { contentType: 'JSON' },
    { columnDelimiter: 'TAB' },
    { lineEnding: 'CR' },
    { query: '' },
    { object: 'Account' },
  ])('a bulk job is refused with %j', async (wrong) => {
    expect((await create(ALL, wrong)).status).toBe(400);
  });

  it('a job fails if the org has changed under its query', async () => {
    await send('POST', '/simulator/fields', { name: 'Passing__c', type: 'string' });
    const hold = handle.simulator.faults.bulk.hold.on({ state: 'UploadComplete' });
    const id = textAt(await create('SELECT Id, Passing__c FROM Account'), 'id');
    await send('DELETE', '/simulator/fields/Passing__c');
    hold.off();
    expect((await reaches(id, 'Failed')).body).toMatchObject({
      errorMessage: expect.stringMatching(/^INVALID_FIELD: .*No such column 'Passing__c'/s),
    });
  });
});

describe('the list of bulk jobs', () => {
  it('the list of jobs is sorted by newest first and paged', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 101; count += 1) ids.push(textAt(await create(ALL), 'id'));
    const first = await rest('GET', '/jobs/query?jobType=V2Query&concurrencyMode=parallel');
    const listed: { id: string }[] = Object(first.body).records;
    expect(Object(first.body).done).toBe(false);
    expect(listed).toHaveLength(100);
    expect(listed[0]).toMatchObject({ id: ids.at(-1), jobType: 'V2Query', operation: 'query' });
    const next = String(Object(first.body).nextRecordsUrl).replace('/services/data/v66.0', '');
    const second = await rest('GET', next);
    expect(Object(second.body)).toMatchObject({ done: true, nextRecordsUrl: null });
    const all = [...listed, ...Object(second.body).records].map(({ id }) => id);
    expect(all.slice(0, 101)).toEqual(ids.toReversed());
    expect(new Set(all).size).toBe(all.length);
    expect((await rest('GET', '/jobs/query?queryLocator=nowhere')).status).toBe(400);
    for (const filter of ['jobType=Classic', 'jobType=V2Ingest', 'isPkChunkingEnabled=true']) {
      expect((await rest('GET', `/jobs/query?${filter}`)).body).toMatchObject({ done: true, records: [] });
    }
  });
});

describe('the cost of bulk jobs', () => {
  it('bulk jobs cost one request each and a part of the daily limits', async () => {
    const { allowance, bulk } = handle.simulator;
    bulk.allowance.set({ max: 2, used: 0 });
    const used = allowance.used;
    const id = textAt(await create(ALL), 'id');
    await page(id).then(() => jobAt(id));
    expect(allowance.used - used).toBe(3);
    const { body } = await rest('GET', '/limits');
    expect(body).toMatchObject({
      DailyBulkV2QueryJobs: { Max: 2, Remaining: 1 },
      DailyBulkV2QueryFileStorageMB: { Max: 976_562, Remaining: 976_562 - 1 },
    });
    expect((await create(ALL)).status).toBe(200);
    expect(await create(ALL)).toMatchObject({
      status: 400,
      body: [
        { errorCode: 'LIMIT_EXCEEDED', message: expect.stringMatching(/^Max bulk v2 query jobs \(2\)/) },
      ],
    });
    expect((await send('POST', '/simulator/bulk/allowance/refill')).body).toMatchObject({ used: 0 });
    expect((await create(ALL)).status).toBe(200);
  });

  it('bulk requests are logged with their caller and content', async () => {
    expect((await send('DELETE', '/simulator/bulk/jobs')).body).toEqual({ jobs: 0 });
    const headers = { 'sforce-call-options': 'client=Loader' };
    const id = textAt(await create(ALL, {}, headers), 'id');
    await create('SELECT Id FROM Account');
    await reaches(id, 'JobComplete');
    await readAll((locator) => page(id, { maxRecords: '20', ...(locator && { locator }) }));
    await rest('DELETE', `/jobs/query/${id}`);
    const { body } = await send('GET', '/simulator/bulk/jobs?client=Loader');
    expect(Object(body).jobs).toEqual([
      expect.objectContaining({ id, query: ALL, state: 'JobComplete', pages: 2, isGone: true }),
    ]);
    expect(handle.simulator.bulk.log()).toHaveLength(2);
  });
});

describe('bulk jobs with jsforce', () => {
  const connect = () => {
    const { instanceUrl, sessions } = handle.simulator;
    return new Connection({ instanceUrl, accessToken: sessions.issue(), version: '66.0' });
  };

  it('jsforce reads a result of one page', async () => {
    const soql = "SELECT Id, Name FROM Account WHERE Name != 'Bulk' ORDER BY Id";
    const stream = await connect().bulk2.query(soql, { pollInterval: 5, pollTimeout: 20_000 });
    const records: unknown[] = await stream.toArray();
    const { records: wanted } = await connect().query(soql, { autoFetch: true });
    expect(records).toEqual(wanted.map(({ Id, Name }) => ({ Id, Name })));
  });

  it('jsforce is notified of a failed job', async () => {
    handle.simulator.faults.bulk.fail.on({ times: 1 });
    await expect(connect().bulk2.query(ALL, { pollInterval: 5, pollTimeout: 20_000 })).rejects.toThrow(
      'Query job failed to complete',
    );
    await expect(connect().bulk2.query('SELECT BillingAddress FROM Account')).rejects.toMatchObject({
      errorCode: 'API_ERROR',
    });
  });
});
