import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { storeNotices } from '../../../ingest/store-webhooks.ts';
import {
  type OutboundMessage,
  parseOutboundMessage,
  XmlError,
} from '../../../salesforce/outbound-message.ts';
import type { HttpDependencies } from '../../dependencies.ts';
import { toProblem } from '../../plugins/error-handler.ts';
import { isSameSecret } from '../../plugins/secret-digest.ts';
import { Problem } from '../../problem.ts';
import type { Server } from '../../server-type.ts';
import { outboundMessagesSchema } from './describe-outbound-messages.ts';
import { keepBytes, readText } from './read-body.ts';
import type { OutboundMessageSenders } from './senders.ts';
import { ackXml, faultXml } from './soap.ts';
import type { Turns } from './take-turns.ts';

/** Outbound messages of Salesforce. They are acknowledged when all that they tell is stored. */
export function registerOutboundMessageRoute(
  scope: Server,
  { pool, webhooks }: HttpDependencies,
  turns: Turns,
): void {
  const senders = webhooks?.outboundMessages;
  keepBytes(scope, ['text/xml', 'application/xml']);
  scope.setErrorHandler(answerFault);

  scope.addHook('onRequest', async (request) => {
    if (senders === undefined) throw new Problem('not-found', 'No outbound messages are taken here.');
    if (!isKnownWay(request, senders)) throw untrusted();
  });

  const receive = async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const text = readText(request.body);
    const message = await turns(() => read(text, senders));
    await storeNotices(pool, message.notices);
    reply.type('text/xml; charset=utf-8');
    return ackXml;
  };
  scope.post('/webhooks/outbound-messages', { schema: outboundMessagesSchema }, receive);
  // A secret in a path stays out of what everybody can read.
  const schema = { ...outboundMessagesSchema, operationId: 'receiveOutboundMessagesBySecret', hide: true };
  scope.post('/webhooks/outbound-messages/:secret', { schema }, receive);
}

/** What is known before the message is read: the secret of the path, and the certificate that a proxy has checked. */
function isKnownWay(
  request: FastifyRequest,
  { clientCertificate, pathSecrets }: OutboundMessageSenders,
): boolean {
  const given: unknown = Reflect.get(Object(request.params), 'secret');
  const isSecretRight =
    pathSecrets.length === 0 ? given === undefined : isOneOf(String(given ?? ''), pathSecrets);
  if (clientCertificate === undefined) return isSecretRight;
  const header = request.headers[clientCertificate.header];
  const fingerprint = typeof header === 'string' ? header.replaceAll(':', '').toLowerCase() : '';
  return (
    isSecretRight &&
    clientCertificate.isProxy(request.socket.remoteAddress ?? '') &&
    clientCertificate.fingerprints.has(fingerprint)
  );
}

/** All are compared, so that the time taken says nothing about them. */
function isOneOf(given: string, secrets: readonly string[]): boolean {
  return secrets.map((secret) => isSameSecret(given, secret)).includes(true);
}

async function read(text: string, senders: OutboundMessageSenders | undefined): Promise<OutboundMessage> {
  const checkSender = (organizationId: string): void => {
    if (senders?.organizationIds.has(organizationId) !== true) throw untrusted();
  };
  try {
    return await parseOutboundMessage(text, Date.now(), checkSender);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw new Problem('invalid-request', `The message can not be read: ${error.message}.`);
  }
}

/** What comes as XML is answered by a fault: Salesforce shows its text in the queue of outbound messages. */
function answerFault(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const isType = error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE';
  if (isType) throw new Problem('unsupported-media-type', 'Send it as text/xml.');
  if (!isXml(request.headers['content-type']) || isJson(request.headers.accept)) throw error;
  const problem = toProblem(error);
  if (problem.status >= 500) request.log.error({ err: error }, 'request failed');
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
  return new Problem('untrusted-sender', 'The sender is not known here.');
}
