import { describe, expect, it } from 'vitest';
import { textAt, useSimulator } from './open-simulator.ts';

const simulator = useSimulator();
const { rest, send } = simulator;

const post = (body: string, version = '50.0') =>
  send('POST', `/services/Soap/u/${version}`, body, { 'content-type': 'text/xml', soapaction: '""' });

const envelope = (body: string, header = '') =>
  `<?xml version="1.0"?><se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header xmlns="urn:partner.soap.sforce.com">${header}</se:Header><se:Body>${body}</se:Body></se:Envelope>`;
const login = (username: string, password: string) =>
  envelope(
    `<login xmlns="urn:partner.soap.sforce.com"><username>${username}</username><password>${password}</password></login>`,
  );
const sessionHeader = (token: string) =>
  `<SessionHeader><sessionId>${token}</sessionId></SessionHeader><CallOptions><client>Undo</client></CallOptions>`;
const elementText = (xml: unknown, name: string) =>
  new RegExp(`<${name}>([^<]+)</${name}>`).exec(String(xml))?.[1];

describe('SOAP login', () => {
  it('a SOAP login gives a session that REST accepts and a logout ends it', async () => {
    const { org, instanceUrl, organizationId } = simulator.simulator;
    const answer = await post(login('admin@simulator.example', 'not-a-passwordFAKETOKEN'));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/xml/);
    expect(elementText(answer.body, 'userId')).toBe(org.named.admin.id);
    expect(elementText(answer.body, 'organizationId')).toBe(organizationId);
    expect(elementText(answer.body, 'serverUrl')).toBe(
      `${instanceUrl}/services/Soap/u/50.0/${organizationId.slice(0, 15)}`,
    );
    const token = elementText(answer.body, 'sessionId') ?? '';
    const authorization = { authorization: `Bearer ${token}` };
    expect((await rest('GET', '/limits', undefined, authorization)).status).toBe(200);

    const logout = await post(
      envelope('<logout xmlns="urn:partner.soap.sforce.com"/>', sessionHeader(token)),
    );
    expect(logout.status).toBe(200);
    expect((await rest('GET', '/limits', undefined, authorization)).status).toBe(401);
  });

  it('a SOAP login response has its elements in the order in which clients read them by position', async () => {
    const { body } = await post(login('admin@simulator.example', 'not-a-password'), '57.0');
    const [, result = '', userInfo = ''] =
      /<result>(.*)<userInfo>(.*)<\/userInfo><\/result>/.exec(String(body)) ?? [];
    const names = (xml: string) =>
      [...xml.matchAll(/<(\w+)(?: xsi:nil="true"\/)?>/g)].map(([, name]) => name);
    expect(names(result)).toEqual([
      'metadataServerUrl',
      'passwordExpired',
      'sandbox',
      'serverUrl',
      'sessionId',
      'userId',
    ]);
    expect(names(userInfo).indexOf('organizationId')).toBe(8);
    expect(names(userInfo)).toHaveLength(24);
    expect(elementText(body, 'metadataServerUrl')).toBe(
      elementText(body, 'serverUrl')?.replace('/Soap/u/', '/Soap/m/'),
    );
  });

  it.each([
    ['a wrong password', login('admin@simulator.example', 'x'), 'INVALID_LOGIN'],
    ['an unknown user', login('nobody', 'not-a-password'), 'INVALID_LOGIN'],
    ['no names', envelope('<login/>'), 'INVALID_LOGIN'],
    ['another call', envelope('<query/>'), 'INVALID_OPERATION'],
    ['an empty body', envelope(''), 'UNKNOWN_EXCEPTION'],
    ['no XML', 'hello', 'UNKNOWN_EXCEPTION'],
    ['broken XML', '<a><b></a>', 'UNKNOWN_EXCEPTION'],
    ['a document type', `<!DOCTYPE a [<!ENTITY x "y">]>${login('a', 'b').slice(21)}`, 'UNKNOWN_EXCEPTION'],
    ['deep XML', envelope('<a>'.repeat(100) + '</a>'.repeat(100)), 'UNKNOWN_EXCEPTION'],
    ['an unknown session', envelope('<logout/>', sessionHeader('x')), 'INVALID_SESSION_ID'],
  ])('a SOAP fault answers %s', async (_case, message, code) => {
    const { body, status } = await post(message);
    expect(status).toBe(500);
    expect(elementText(body, 'faultcode')).toBe(`sf:${code}`);
    expect(elementText(body, 'faultstring')).toMatch(new RegExp(`^${code}: `));
  });

  it('SOAP login is removed in API version 65', async () => {
    const { body } = await post(login('admin@simulator.example', 'not-a-password'), '65.0');
    expect(elementText(body, 'faultcode')).toBe('sf:UNSUPPORTED_API_VERSION');
  });
});

describe('SOAP undelete', () => {
  it('undelete restores records and names those that it could not restore', async () => {
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Back' }), 'id');
    await rest('DELETE', `/sobjects/Account/${id}`);
    const undelete = `<undelete xmlns="urn:partner.soap.sforce.com"><ids>${id}</ids><ids>${id}</ids></undelete>`;
    const { body, status } = await post(
      envelope(undelete, sessionHeader(simulator.simulator.sessions.issue())),
    );
    expect(status).toBe(200);
    expect(String(body).match(/<success>\w+<\/success>/g)).toEqual([
      '<success>true</success>',
      '<success>false</success>',
    ]);
    expect(elementText(body, 'statusCode')).toBe('UNDELETE_FAILED');
    expect(simulator.simulator.org.record(id)?.isDeleted).toBe(false);
    const payload = simulator.simulator.bus.retained().at(-1)?.event?.payload ?? new Uint8Array();
    expect(Buffer.from(payload).toString('latin1')).toContain('com/salesforce/api/soap/50.0;client=Undo');
  });
});
