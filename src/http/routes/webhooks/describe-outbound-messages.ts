import { NoParameters } from '../../schemas/parameters.ts';
import { problemResponses } from '../../schemas/problem.ts';
import { ackXml } from './soap.ts';

const example = `<?xml version="1.0" encoding="UTF-8"?>
<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
 <soapenv:Body>
  <notifications xmlns="http://soap.sforce.com/2005/09/outbound">
   <OrganizationId>00Dal00000AbCdEEAV</OrganizationId>
   <ActionId>04kal0000000001AAA</ActionId>
   <SessionId xsi:nil="true"/>
   <EnterpriseUrl>https://example.my.salesforce.com/services/Soap/c/66.0</EnterpriseUrl>
   <PartnerUrl>https://example.my.salesforce.com/services/Soap/u/66.0</PartnerUrl>
   <Notification>
    <Id>04lal0000000001AAA</Id>
    <sObject xsi:type="sf:Account" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">
     <sf:Id>001al00000K3N1wAAF</sf:Id>
     <sf:Name>Blue Harbour</sf:Name>
    </sObject>
   </Notification>
  </notifications>
 </soapenv:Body>
</soapenv:Envelope>`;

const xml = (examples: readonly string[]) => ({ schema: { type: 'string', examples } });

/** What comes as XML is refused as XML. */
function orFaults(problems: ReturnType<typeof problemResponses>) {
  const fault = { schema: { type: 'string', description: 'A SOAP fault with the text of the problem.' } };
  return Object.fromEntries(
    Object.entries(problems).map(([status, { description, content }]) => [
      status,
      { description, content: { ...content, 'text/xml': fault } },
    ]),
  );
}

export const outboundMessagesSchema = {
  operationId: 'receiveOutboundMessages',
  summary: 'Send outbound messages',
  description: `Outbound messages of Salesforce: SOAP 1.1, up to 100 notifications. Set the endpoint URL of an outbound message to this URL, followed by \`/\` and the secret in \`OUTBOUND_MESSAGE_PATH_SECRET\`; without a secret a proxy has to check the client certificate of Salesforce. Messages of the orgs in \`OUTBOUND_MESSAGE_ORG_IDS\` are taken.

Their values are of the time of sending, so they are not trusted: the named accounts are read again. One that the mirror does not hold is listed when Salesforce has confirmed it. A notification that comes again changes nothing.

\`Ack\` is true when all notifications are stored. A message that is refused is answered by a SOAP fault (\`text/xml\`) with the same status and text as the problems below; with \`Accept: application/problem+json\` by the problem itself.`,
  tags: ['Webhooks'],
  security: [],
  consumes: ['text/xml'],
  querystring: NoParameters,
  body: { content: { 'text/xml': xml([example]), 'application/xml': xml([example]) } },
  response: {
    200: { description: 'All of it is stored.', content: { 'text/xml': xml([ackXml]) } },
    ...orFaults(
      problemResponses(
        'invalid-request',
        'untrusted-sender',
        'not-found',
        'payload-too-large',
        'unsupported-media-type',
      ),
    ),
  },
} as const;
