import { escapeMarkup } from '../../escape-markup.ts';
import type { Problem } from '../../problem.ts';

const envelope = (body: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`;

/** All notifications of the message are stored. */
export const ackXml = envelope(
  '<notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack></notificationsResponse>',
);

/** None of the message is stored: Salesforce sends it again later. */
export function faultXml(problem: Problem, requestId: string): string {
  const side = problem.status < 500 ? 'Client' : 'Server';
  const type = problem.toBody(requestId).type;
  return envelope(
    `<soapenv:Fault><faultcode>soapenv:${side}</faultcode><faultstring>${escapeMarkup(problem.message)}</faultstring>` +
      `<detail><type>${type}</type><requestId>${escapeMarkup(requestId)}</requestId></detail></soapenv:Fault>`,
  );
}
