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
  it('an outbound message names records with any namespace prefix and its values are ignored', async () => {
    const told = `${notification(1)}${notification(2, '<sf:Id><![CDATA[003al00000K3N1w]]></sf:Id><sf:Name>&#65;&amp;</sf:Name>', 'sf:Contact')}`;
    const { organizationId, notices } = await parseOutboundMessage(message(told), at);
    expect(organizationId).toBe('00Dal00000AbCdEEAV');
    expect(notices).toMatchObject([
      { entityName: 'Account', recordId: '001al00000K3N1wAAF', receivedAt: at, organizationId },
      { entityName: 'Contact', recordId: expect.stringMatching(/^003al00000K3N1w/) },
    ]);
    const renamed = message(told).replaceAll('soapenv:', 's:').replaceAll('sf:', 'x:');
    expect((await parseOutboundMessage(renamed, at)).notices).toEqual(notices);
  });

  it('a notification of a record that was deleted before the sending is empty', async () => {
    expect((await parseOutboundMessage(message(notification(1, '')), at)).notices).toEqual([]);
  });

  it('a message holds up to 100 notifications', async () => {
    const many = (n: number): string =>
      message(Array.from({ length: n }, (_, i) => notification(i)).join(''));
    expect((await parseOutboundMessage(many(100), at)).notices).toHaveLength(100);
    await expect(parseOutboundMessage(many(101), at)).rejects.toThrow(
      'it has more than 100 notifications at line 5',
    );
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
      'only UTF-8 is accepted at line 1, column 39',
    ],
    ['a version with other characters', '<?xml version="1.1"?><a/>', 'only XML 1.0 is accepted'],
    ['deep nesting', inBody('<a>'.repeat(100_000)), 'it is nested more than 8 levels deep at line 5'],
    ['too many elements', inBody('<b/>'.repeat(200_000)), 'it has more than 100000 elements'],
    ['comments', inBody('<!---->'.repeat(1_000)), 'it has more than 100 comments'],
    ['too many CDATA sections', inBody('<![CDATA[]]>'.repeat(200_000)), 'it has more than 100000 CDATA'],
    ['an element that it does not have', '<a><b/></a>', 'the element a is not part of an outbound message'],
    [
      'a notification before the org',
      message(notification(1)).replace(/<OrganizationId>.*<.OrganizationId>/, ''),
      'OrganizationId is missing before a notification',
    ],
    [
      'too many attributes',
      `<Envelope ${Array.from({ length: 10_000 }, (_, n) => `a${n}="1"`).join(' ')}/>`,
      'an element has more than 16 attributes',
    ],
    ['an attribute twice', '<Envelope b="1" b="2"/>', /duplicate attribute/],
    ['what is broken off', message(notification(1)).slice(0, -30), /it is not XML/],
    ['no XML at all', '{"a": 1}', /it is not XML .* at line 1, column/],
    ['nothing', '', /it is not XML|it is not an outbound message/],
    ['another message', '<Envelope><Body><login/></Body></Envelope>', 'the element login is not part'],
    ['an empty body', '<Envelope><Body/></Envelope>', 'it is not an outbound message'],
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
  ])('a message is refused with %s', async (_name, text, reason) => {
    await expect(parseOutboundMessage(text, at)).rejects.toThrow(reason);
  });

  it('100 notifications with 800 fields each are read', async () => {
    const fields = Array.from({ length: 800 }, (_, n) => `<sf:F${n}__c>value ${n}</sf:F${n}__c>`).join('');
    const all = Array.from({ length: 100 }, (_, n) =>
      notification(n, `<sf:Id>001al00000K3N1wAAF</sf:Id>${fields}`),
    );
    expect((await parseOutboundMessage(message(all.join('')), at)).notices).toHaveLength(100);
  });

  it.each([
    ['text', 'x', 5_000_000],
    ['entities', '&amp;', 1_000_000],
    ['elements', '<b/>', 90_000],
    ['CDATA', '<![CDATA[]]>', 90_000],
    ['attributes', `<b a="${'v'.repeat(50)}" c="&lt;"/>`, 60_000],
  ])('a large message of %s gives up the event loop while it is parsed', async (_name, part, times) => {
    const text = inBody(`<sf:Name>${part.repeat(times)}</sf:Name>`);
    let turns = 0;
    let parsing = true;
    const count = (): void => {
      turns += 1;
      if (parsing) setImmediate(count);
    };
    setImmediate(count);
    await parseOutboundMessage(text, at);
    parsing = false;
    expect(turns).toBeGreaterThan(3);
  });

  it('a message of an unknown org is read no further than to the id of the org', async () => {
    const strange = (organizationId: string): void => {
      throw new Error(`${organizationId} is unknown`);
    };
    const broken = message(notification(1)).replace('<Notification>', '<<<');
    await expect(parseOutboundMessage(broken, at, strange)).rejects.toThrow('00Dal00000AbCdEEAV is unknown');
    await expect(parseOutboundMessage(broken, at)).rejects.toThrow('it is not XML');
  });
});
