import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { Type } from 'typebox';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { countExisting } from '../../src/salesforce/account-windows.ts';
import { createBulkJob, listBulkJobs, readBulkJob } from '../../src/salesforce/bulk-job.ts';
import { openBulkPage } from '../../src/salesforce/bulk-results.ts';
import { readDeletedIds, requestAccount } from '../../src/salesforce/deleted-records.ts';
import type { Org } from '../../src/salesforce/org.ts';
import { queryRows } from '../../src/salesforce/query-pages.ts';
import { describeAccount, identify } from '../../src/salesforce/records.ts';
import { callRest } from '../../src/salesforce/rest-call.ts';
import { parseRetryAfter } from '../../src/salesforce/rest-refusal.ts';
import { retrieveAccounts } from '../../src/salesforce/retrieve-accounts.ts';
import { connect, type SignedIn } from '../../src/salesforce/sign-in.ts';
import { describeCodeField, readCodes, writeCodes } from '../../src/salesforce/signup-codes.ts';
import { openSimulatorOrg } from '../helpers/simulator-org.ts';

describe('requests without retries', () => {
  let simulator: Simulator;
  let org: Org;
  beforeAll(async () => {
    simulator = await startSimulator();
    org = await openSimulatorOrg(simulator);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });
  beforeEach(() => void simulator.faults.rest.fail.off());

  const send = () =>
    callRest(org.connection, '/limits', { shape: Type.Object({}), timeoutMs: 5_000, maxRetries: 0 });

  it('a failed request is not repeated implicitly and reports the Retry-After time', async () => {
    simulator.faults.rest.fail.on({ how: 'unavailable', retryAfterSeconds: 7 });
    await expect(send()).rejects.toMatchObject({
      code: 'SERVER_UNAVAILABLE',
      failure: 'transient',
      retryAfterMs: 7_000,
    });
    expect(simulator.faults.rest.fail.active()[0]?.struck).toBe(1);
  });

  it('an expired token is replaced once', async () => {
    simulator.sessions.revokeAll();
    expect(await send()).toHaveProperty('DailyApiRequests');
    expect(org.budget.usage()).toMatchObject({ max: 100_000 });
  });

  it('a failure without Retry-After reports no time', async () => {
    simulator.faults.rest.fail.on({ how: 'server-error', times: 1 });
    await expect(send()).rejects.toMatchObject({ code: 'UNKNOWN_EXCEPTION', retryAfterMs: undefined });
  });
});

describe('responses that are not those of Salesforce', () => {
  const credentials = { flow: 'client-credentials', clientId: 'a', clientSecret: 'b' } as const;
  const id = '001000000000001AAA';
  let server: Server;
  let respond: (response: ServerResponse) => void;
  let closed: Promise<unknown>;
  let signedIn: SignedIn;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { port } = server.address() as AddressInfo;
      closed = new Promise((resolve) => request.socket.once('close', resolve));
      if (request.url !== '/services/oauth2/token') return respond(response);
      const session = { access_token: '00DTM0000000001!x', instance_url: `http://127.0.0.1:${port}` };
      response.setHeader('content-type', 'application/json').end(JSON.stringify(session));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const loginUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    signedIn = await connect({ loginUrl, credentials, apiVersion: '66.0' });
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const job = {
    jobId: '750000000000001AAA',
    locator: null,
    maxRecords: 1,
    signal: new AbortController().signal,
  };
  const calls: [string, () => Promise<unknown>][] = [
    ['userinfo', () => identify(signedIn.connection)],
    ['describe', () => describeAccount(signedIn.connection)],
    ['describe of the code field', () => describeCodeField(signedIn.connection, 'SignUpCode__c')],
    ['a query', () => queryRows(signedIn.connection, 'queryAll', 'SELECT Id FROM Account')],
    ['a count', () => countExisting(signedIn.connection)],
    ['records by id', () => retrieveAccounts(signedIn.connection, ['Id'], [id])],
    ['a record', () => requestAccount(signedIn.connection, id)],
    ['deleted records', () => readDeletedIds(signedIn.connection, span, (call) => call())],
    ['codes', () => readCodes(signedIn.connection, 'SignUpCode__c', [id])],
    ['a write of codes', () => writeCodes(signedIn.connection, 'SignUpCode__c', [{ id, code: 'A' }])],
    ['a new bulk job', () => createBulkJob(signedIn.connection, 'SELECT Id FROM Account')],
    ['a bulk job', () => readBulkJob(signedIn.connection, job.jobId)],
    ['bulk jobs', () => listBulkJobs(signedIn.connection, new Date(0))],
  ];
  const span = { from: new Date(0), to: new Date(1) };

  it.each(calls)(
    '%s without the expected members is a transient error that names the call',
    async (_, call) => {
      for (const body of ['{}', '[7]', '{"records":[7],"fields":[7]}', '[{"success":{}}]']) {
        respond = (response) => void response.setHeader('content-type', 'application/json').end(body);
        await expect(call(), body).rejects.toMatchObject({
          code: 'BAD_ANSWER',
          failure: 'transient',
          message: expect.stringContaining('the response to'),
        });
      }
    },
  );

  const refuse = (body: string, headers: Record<string, string> = {}) => {
    respond = (response) =>
      void response.writeHead(403, { 'content-type': 'application/json', ...headers }).end(body);
  };
  const overLimit = JSON.stringify([
    { errorCode: 'REQUEST_LIMIT_EXCEEDED', message: 'TotalRequests Limit exceeded.' },
  ]);

  it.each([
    ['206/5000000', 'transient'],
    ['5000000/5000000', 'quota'],
    ['5000003/5000000', 'quota'],
  ])(
    'a refusal over the limit of requests while the org reports %s is of the class %s',
    async (usage, failure) => {
      refuse(overLimit, { 'sforce-limit-info': `api-usage=${usage}` });
      await expect(
        writeCodes(signedIn.connection, 'SignUpCode__c', [{ id, code: 'A' }]),
      ).rejects.toMatchObject({
        code: 'REQUEST_LIMIT_EXCEEDED',
        failure,
      });
    },
  );

  /** Sends the header and then chunks for as long as the connection lasts. */
  const endless = (response: ServerResponse, chunk: string): void => {
    const send = (): void => {
      while (!response.destroyed && response.write(chunk)) {}
    };
    response.on('drain', send);
    send();
  };

  it('an endless response is refused at 64 MiB and its connection is closed', async () => {
    respond = (response) =>
      endless(response.setHeader('content-type', 'application/json'), ' '.repeat(1_048_576));
    await expect(countExisting(signedIn.connection)).rejects.toMatchObject({
      code: 'ERR_RESPONSE_TOO_LARGE',
      failure: 'unknown',
      message: expect.stringContaining('exceeds 67108864 bytes'),
    });
    await closed;
  });

  it('an endless page of bulk results ends after the number of records in its header', async () => {
    respond = (response) => {
      response.setHeader('sforce-numberofrecords', '3').write('"Id"\n');
      endless(response, '"x"\n'.repeat(1_000));
    };
    const page = await openBulkPage(signedIn, job);
    const read = async (): Promise<void> => {
      for await (const rows of page.rows) expect(rows.length).toBeLessThan(100_000);
    };
    await expect(read()).rejects.toMatchObject({ code: 'BAD_ANSWER', failure: 'transient' });
    await closed;
  });

  it.each<[string, (response: ServerResponse) => void]>([
    ['does not begin', () => {}],
    ['stops after its headers', (response) => void response.writeHead(200).write('{')],
  ])('a request whose response %s is aborted and its connection is closed', async (_, hang) => {
    respond = hang;
    const call = { shape: Type.Object({}), timeoutMs: 200 };
    await expect(callRest(signedIn.connection, '/limits', call)).rejects.toMatchObject({
      code: 'TIMEOUT',
      failure: 'transient',
      message: 'no answer to GET /services/data/v66.0/limits within 0.2 s',
    });
    await closed;
  });
});

describe('the Retry-After header', () => {
  const now = Date.parse('2026-11-23T08:00:00.000Z');
  it.each([
    [undefined, undefined],
    ['120', 120_000],
    ['0', 0],
    ['Mon, 23 Nov 2026 08:00:30 GMT', 30_000],
    ['Mon, 23 Nov 2026 07:00:00 GMT', 0],
    ['soon', undefined],
    ['999999', 900_000],
  ])('the Retry-After value %s is parsed', (header, ms) => {
    expect(parseRetryAfter(header, now)).toBe(ms);
  });
});
