import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { storeNotices } from '../../../ingest/store-webhooks.ts';
import {
  type OutboundMessage,
  parseOutboundMessage,
  XmlError,
} from '../../../salesforce/outbound-message.ts';
import { isSameSecret } from '../../api-key.ts';
import { logServerError, toProblem } from '../../plugins/error-handler.ts';
import { Problem } from '../../problem.ts';
import type { HttpDependencies, Server } from '../../server-types.ts';
import { ackXml, faultXml, outboundMessagesSchema } from './outbound-messages-schema.ts';
import { acceptRawBody, type ParseQueue, parseUtf8 } from './webhook-body.ts';
import type { OutboundMessageSenders } from './webhook-senders.ts';

/** Receives outbound messages of Salesforce. A message is acknowledged after all its notifications are stored. */
export function registerOutboundMessageRoute(
  scope: Server,
  { pool, webhooks }: HttpDependencies,
  queue: ParseQueue,
): void {
  const senders = webhooks?.outboundMessages;
  acceptRawBody(scope, ['text/xml', 'application/xml']);
  scope.setErrorHandler(sendFault);

  scope.addHook('onRequest', async (request) => {
    if (senders === undefined)
      throw new Problem(
        'not-found',
        'OUTBOUND_MESSAGE_ORG_IDS is not set: outbound messages are not accepted.',
      );
    if (!isTrustedRequest(request, senders)) throw untrusted();
  });

  const receive = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const text = parseUtf8(request.body);
    const message = await queue(() => parseMessage(text, senders));
    const stored = await storeNotices(pool, message.notices);
    request.webhook = { received: message.notices.length, stored };
    reply.type('text/xml; charset=utf-8');
    return ackXml;
  };
  scope.post('/webhooks/outbound-messages', { schema: outboundMessagesSchema }, receive);
  // The path contains a secret, so the route is not in the OpenAPI document.
  const schema = { ...outboundMessagesSchema, operationId: 'receiveOutboundMessagesBySecret', hide: true };
  scope.post('/webhooks/outbound-messages/:secret', { schema }, receive);
}

/** Checks what is known before the message is parsed: the secret in the path and the certificate from the proxy. */
function isTrustedRequest(
  request: FastifyRequest,
  { clientCertificate, pathSecrets }: OutboundMessageSenders,
): boolean {
  const secret: unknown = Reflect.get(Object(request.params), 'secret');
  const hasValidSecret =
    pathSecrets.length === 0 ? secret === undefined : isOneOf(String(secret ?? ''), pathSecrets);
  if (clientCertificate === undefined) return hasValidSecret;
  const header = request.headers[clientCertificate.header];
  const fingerprint = typeof header === 'string' ? header.replaceAll(':', '').toLowerCase() : '';
  return (
    hasValidSecret &&
    clientCertificate.isProxy(request.socket.remoteAddress ?? '') &&
    clientCertificate.fingerprints.has(fingerprint)
  );
}

/** Compares with every secret, so that the duration reveals nothing about them. */
function isOneOf(secret: string, secrets: readonly string[]): boolean {
  return secrets.map((known) => isSameSecret(secret, known)).includes(true);
}

async function parseMessage(
  text: string,
  senders: OutboundMessageSenders | undefined,
): Promise<OutboundMessage> {
  const validateSender = (organizationId: string): void => {
    if (senders?.organizationIds.has(organizationId) !== true) throw untrusted();
  };
  try {
    return await parseOutboundMessage(text, Date.now(), validateSender);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw new Problem('invalid-request', `The message cannot be parsed: ${error.message}.`);
  }
}

/** Responds to XML with a SOAP fault: Salesforce shows its text in the queue of outbound messages. */
function sendFault(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    throw new Problem('unsupported-media-type', 'Send the message as text/xml.');
  }
  if (!isXml(request.headers['content-type']) || isJson(request.headers.accept)) throw error;
  const problem = toProblem(error);
  request.rejection = problem.message;
  logServerError(error, problem, request);
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('text/xml; charset=utf-8')
    .send(faultXml(problem, request.id));
}

function isXml(type: string | undefined): boolean {
  return type !== undefined && /^(?:text|application)\/xml\b/i.test(type);
}

function isJson(accept: string | undefined): boolean {
  return accept !== undefined && /json/i.test(accept);
}

function untrusted(): Problem {
  return new Problem('untrusted-sender', 'The sender is unknown.');
}
