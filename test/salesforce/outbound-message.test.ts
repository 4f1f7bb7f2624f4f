import { describe, expect, it } from 'vitest';
import { parseOutboundMessage } from '../../src/salesforce/outbound-message.ts';

const at = 1_790_000_000_000;
const notification = (n: number, inner = '<sf:Id>001al00000K3N1wAAF</sf:Id>', type = 'sf:Account'): string =>
  `<Notification><Id>04lal0000000${String(n).padStart(3, '0')}</Id><sObject xsi:type="${type}" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">${inner}</sObject></Notification>`;
const message = (notifications: string, organization = '00Dal00000AbCdE'): string =>
  `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<soapenv:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound">
<OrganizationId>${organization}</OrganizationId><ActionId>04kal0000000001AAA</ActionId><SessionId xsi:nil="true"/>
${notifications}</notifications></soapenv:Body></soapenv:Envelope>`;

describe('outbound messages', () => {
  it('an outbound message names records with any namespace prefix and its values are ignored', () => {
    const told = `${notification(1)}${notification(2, '<sf:Id><![CDATA[003al00000K3N1w]]></sf:Id><sf:Name>&#65;&amp;</sf:Name>', 'sf:Contact')}`;
    const { organizationId, notices } = parseOutboundMessage(message(told), at);
    expect(organizationId).toBe('00Dal00000AbCdEEAV');
    expect(notices).toMatchObject([
      { entityName: 'Account', recordId: '001al00000K3N1wAAF', receivedAt: at, organizationId },
      { entityName: 'Contact', recordId: expect.stringMatching(/^003al00000K3N1w/) },
    ]);
    const renamed = message(told).replaceAll('soapenv:', 's:').replaceAll('sf:', 'x:');
    expect(parseOutboundMessage(renamed, at).notices).toEqual(notices);
  });

  it('a notification of a record that was deleted meanwhile is empty', () => {
    expect(parseOutboundMessage(message(notification(1, '')), at).notices).toEqual([]);
  });

  it('a message holds up to 100 notifications', () => {
    const many = (n: number): string =>
      message(Array.from({ length: n }, (_, i) => notification(i)).join(''));
    expect(parseOutboundMessage(many(100), at).notices).toHaveLength(100);
    expect(() => parseOutboundMessage(many(101), at)).toThrow('it has more than 100 notifications at line 5');
  });

  const laughs = `<!DOCTYPE lolz [<!ENTITY lol "lol">${Array.from({ length: 9 }, (_, n) => `<!ENTITY lol${n} "${`&lol${n - 1};`.repeat(10)}">`).join('')}]>`;
  const inBody = (text: string): string =>
    message(notification(1, `<sf:Id>001al00000K3N1wAAF</sf:Id>${text}`));

  it.each([
    ['a billion laughs', `${laughs}<a>&lol8;</a>`, 'a document type declaration is not allowed'],
    [
      'a document type',
      '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
      'a document type declaration is not allowed',
    ],
    [
      'an entity that is none of the five',
      inBody('<sf:Name>&xxe;</sf:Name>'),
      /it is not XML \(undefined entity/,
    ],
    [
      'a processing instruction',
      '<?xml version="1.0"?><?php x?><a/>',
      'a processing instruction is not allowed',
    ],
    [
      'another encoding',
      '<?xml version="1.0" encoding="UTF-16"?><a/>',
      'only UTF-8 is taken at line 1, column 39',
    ],
    ['a version with other characters', '<?xml version="1.1"?><a/>', 'only XML 1.0 is taken'],
    ['deep nesting', '<a>'.repeat(100_000), 'it is nested more than 16 levels deep at line 1, column 51'],
    ['too many elements', `<a>${'<b/>'.repeat(200_000)}</a>`, 'it has more than 100000 elements'],
    [
      'too many attributes',
      `<a ${Array.from({ length: 10_000 }, (_, n) => `a${n}="1"`).join(' ')}/>`,
      'an element has more than 16 attributes',
    ],
    ['an attribute twice', '<a b="1" b="2"/>', /duplicate attribute/],
    ['what is broken off', message(notification(1)).slice(0, -30), /it is not XML/],
    ['no XML at all', '{"a": 1}', /it is not XML .* at line 1, column/],
    ['nothing', '', /it is not XML|it is no outbound message/],
    ['another message', '<Envelope><Body><login/></Body></Envelope>', 'it is no outbound message'],
    ['no org', message(notification(1), ''), 'OrganizationId is not an id'],
    [
      'a record id that is none',
      message(notification(1, "<sf:Id>1' OR '1'='1</sf:Id>")),
      'the Id of an sObject is not an id',
    ],
    [
      'an account that is none',
      message(notification(1, '<sf:Id>003al00000K3N1w</sf:Id>')),
      'does not begin with 001',
    ],
    ['no type', message(notification(1).replace(/xsi:type="[^"]*"/, '')), 'an sObject has no xsi:type'],
  ])('a message is refused with %s', (_name, text, reason) => {
    expect(() => parseOutboundMessage(text, at)).toThrow(reason);
  });
});
