import { describe, expect, it } from 'vitest';
import { useSimulator } from './open-simulator.ts';

const simulator = useSimulator({ dailyApiRequests: 5000 });
const { rest, send } = simulator;

const refusal = (errorCode: string) => [expect.objectContaining({ errorCode })];

describe('the REST API as a whole', () => {
  it('versions are listed without a session, and resources and fields with one', async () => {
    const versions = await send('GET', '/services/data');
    expect(versions.body).toContainEqual({
      label: "Spring '26",
      url: '/services/data/v66.0',
      version: '66.0',
    });
    expect(versions.headers.get('sforce-limit-info')).toBeNull();
    expect((await rest('GET', '/')).body).toMatchObject({ query: '/services/data/v66.0/query' });
    expect((await rest('GET', '/sobjects')).body).toMatchObject({ sobjects: [{ name: 'Account' }] });
    expect((await rest('GET', '/sobjects/Account')).body).toMatchObject({
      objectDescribe: { keyPrefix: '001' },
    });
    const fields = [
      expect.objectContaining({ name: 'SignUpCode__c', unique: true, externalId: true, length: 32 }),
    ];
    expect((await rest('GET', '/sobjects/Account/describe')).body).toMatchObject({
      fields: expect.arrayContaining(fields),
    });
  });

  it('the remaining requests are counted down', async () => {
    const first = await rest('GET', '/limits');
    const second = await rest('GET', '/limits');
    const remaining = ({ body }: typeof first): number => Object(body).DailyApiRequests.Remaining;
    expect(remaining(second)).toBe(remaining(first) - 1);
    expect(second.headers.get('sforce-limit-info')).toBe(`api-usage=${5000 - remaining(second)}/5000`);
  });

  it.each([
    ['an unknown URL', '/services/data/v66.0/nope'],
    ['a double slash', '/services/data/v66.0//query?q=x'],
    ['another double slash', '/services/data//v66.0/limits'],
    ['an unknown version', '/services/data/v99.0/limits'],
    ['a version without point', '/services/data/v66/limits'],
    ['an unknown object', '/services/data/v66.0/sobjects/Lead/001000000000000AAA'],
    ['an unknown id', '/services/data/v66.0/sobjects/Account/001000000000000AAA'],
    ['a malformed id', '/services/data/v66.0/sobjects/Account/nope'],
  ])('the REST API answers 404 for %s', async (_case, path) => {
    const token = simulator.simulator.sessions.issue();
    const { body, headers, status } = await send('GET', path, undefined, {
      authorization: `Bearer ${token}`,
    });
    expect([status, body]).toEqual([404, refusal('NOT_FOUND')]);
    expect(headers.get('sforce-limit-info')).toMatch(/^api-usage=\d+\/5000$/);
  });

  it.each([
    ['POST', '/limits', 'GET,HEAD'],
    ['DELETE', '/query?q=x', 'GET,HEAD'],
    ['PUT', '/sobjects/Account/001000000000000AAA', 'DELETE,GET,HEAD,PATCH'],
  ])('the REST API answers 405 for %s %s', async (method, path, allowed) => {
    const { body, headers, status } = await rest(method, path);
    expect([status, body]).toEqual([405, refusal('METHOD_NOT_ALLOWED')]);
    expect(headers.get('allow')).toBe(allowed);
  });

  it('an unknown path of any API has an error in the form of that API', async () => {
    const apex = await send('GET', '/services/apexrest/Nope');
    expect([apex.status, apex.body]).toEqual([404, refusal('NOT_FOUND')]);
    const xml = { 'content-type': 'text/xml' };
    const soap = await send('POST', '/services/Soap/m/58.0/00D', '<a/>', xml);
    expect([soap.status, soap.body]).toEqual([
      500,
      expect.stringContaining('<faultcode>sf:INVALID_OPERATION</faultcode>'),
    ]);
    const page = await send('GET', '/nope');
    expect([page.status, page.body]).toEqual([404, expect.stringContaining('URL No Longer Exists')]);
    expect((await send('GET', '/simulator/nope')).body).toEqual({ error: 'not found' });
  });

  it('a change of an unknown record is answered with 404 and a malformed id with 400', async () => {
    const unknown = await rest('PATCH', '/sobjects/Account/001000000000000AAA', { Phone: '1' });
    expect([unknown.status, unknown.body]).toEqual([404, refusal('NOT_FOUND')]);
    const malformed = await rest('PATCH', '/sobjects/Account/nope', { Phone: '1' });
    expect([malformed.status, malformed.body]).toEqual([400, refusal('MALFORMED_ID')]);
  });

  it('invalid JSON and other media types are refused', async () => {
    const broken = await rest('POST', '/sobjects/Account', '{"Name":');
    expect([broken.status, broken.body]).toEqual([400, refusal('JSON_PARSER_ERROR')]);
    const array = await rest('POST', '/sobjects/Account', []);
    expect([array.status, array.body]).toEqual([400, refusal('JSON_PARSER_ERROR')]);
    const csv = await rest('POST', '/sobjects/Account', 'Name', { 'content-type': 'text/csv' });
    expect([csv.status, csv.body]).toEqual([415, refusal('UNSUPPORTED_MEDIA_TYPE')]);
  });

  it.each([
    ['no token', {}],
    ['a wrong token', { authorization: 'Bearer 00D!nope' }],
    ['another scheme', { authorization: 'Basic eDp5' }],
  ])('the REST API answers 401 for %s', async (_case, headers) => {
    const { body, status } = await send('GET', '/services/data/v66.0/limits', undefined, headers);
    const message = 'Session expired or invalid';
    expect([status, body]).toEqual([401, [{ message, errorCode: 'INVALID_SESSION_ID' }]]);
  });
});

describe('an org with a small request limit', () => {
  const small = useSimulator({ dailyApiRequests: 2 });

  it('the REST API answers 403 when the request limit is used up', async () => {
    expect((await small.rest('GET', '/limits')).status).toBe(200);
    expect((await small.rest('GET', '/limits')).status).toBe(200);
    const { body, status } = await small.rest('GET', '/limits');
    expect([status, body]).toEqual([
      403,
      [{ message: 'TotalRequests Limit exceeded.', errorCode: 'REQUEST_LIMIT_EXCEEDED' }],
    ]);
  });
});
