import { escapeMarkup, type Problem } from '../../problem.ts';
import { NoParameters } from '../../schemas/parameters.ts';
import { publicProblemResponses } from '../../schemas/problem.ts';

const envelope = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;

/** Acknowledges a message after all its notifications are stored. */
export const ackXml = envelope(
  '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>',
);

/** Rejects a message: nothing of it is stored, and Salesforce sends it again later. */
export function faultXml(problem: Problem, requestId: string): string {
  const side = problem.status < 500 ? 'Client' : 'Server';
  const type = problem.toBody(requestId).type;
  return envelope(
    `<soapenv:Fault><faultcode>soapenv:${side}</faultcode><faultstring>${escapeMarkup(problem.message)}</faultstring>` +
      `<detail><type>${type}</type><requestId>${escapeMarkup(requestId)}</requestId></detail></soapenv:Fault>`,
  );
}

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

/** Adds SOAP faults to the problem responses. */
function withFaults(problems: ReturnType<typeof publicProblemResponses>) {
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
  description: `Outbound messages of Salesforce: SOAP 1.1, up to 100 notifications. Set the endpoint URL of an outbound message to this URL, followed by \`/\` and the secret in \`OUTBOUND_MESSAGE_PATH_SECRET\`; without a secret, a proxy has to verify the client certificate of Salesforce. Only messages of the orgs in \`OUTBOUND_MESSAGE_ORG_IDS\` are accepted.

The values in a message may be outdated, so they are not used: the named accounts are read again from Salesforce. A new account appears in the mirror after this read. A repeated notification has no effect.

\`Ack\` is true when all notifications are stored. The response to a rejected message is a SOAP fault (\`text/xml\`) with the status and text of the problems below, or the problem itself with \`Accept: application/problem+json\`.`,
  tags: ['Webhooks'],
  security: [],
  consumes: ['text/xml'],
  querystring: NoParameters,
  body: { content: { 'text/xml': xml([example]), 'application/xml': xml([example]) } },
  response: {
    200: { description: 'All notifications are stored.', content: { 'text/xml': xml([ackXml]) } },
    ...withFaults(
      publicProblemResponses(
        'invalid-request',
        'untrusted-sender',
        'not-found',
        'payload-too-large',
        'unsupported-media-type',
      ),
    ),
  },
} as const;
