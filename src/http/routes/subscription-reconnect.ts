import { Type } from 'typebox';
import { sendWakeUp } from '../../db/wake-up.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { idempotencyHeader, once, replayHeaders, sendIdempotent } from '../plugins/idempotency.ts';
import { NoBody, NoParameters } from '../schemas/parameters.ts';
import { workProblemResponses } from '../schemas/problem.ts';
import { SubscriptionSchema } from '../schemas/status.ts';
import type { Server } from '../server-type.ts';
import { readSubscriptionStatus } from '../views/read-subscription-status.ts';

export function registerSubscriptionReconnectRoute(app: Server, dependencies: HttpDependencies): void {
  app.post('/v1/subscription/reconnect', { config: { scope: 'write' }, schema }, async (request, reply) => {
    const answer = await once(dependencies.pool, request, async (client) => {
      // Heard by the process that follows the topic, whichever it is.
      await sendWakeUp(client, 'reconnect');
      return { status: 202, body: await readSubscriptionStatus(dependencies) };
    });
    sendIdempotent(reply, answer);
    return answer.body;
  });
}

const schema = {
  operationId: 'reconnectSubscription',
  summary: 'Connect to Salesforce now',
  description:
    'For use after the cause of an outage is corrected: the process that follows the topic opens the stream at once instead of after its backoff, and an initial load that failed is requested again. Does nothing while the stream is open. Takes no body, or an empty object.',
  tags: ['Status'],
  querystring: NoParameters,
  headers: Type.Object(idempotencyHeader),
  body: NoBody,
  response: {
    202: Type.Object(SubscriptionSchema.properties, {
      description: 'The stream as it is at the time of the request; `GET /v1/status` says what became of it.',
      headers: replayHeaders(),
    }),
    ...workProblemResponses(),
  },
} as const;
