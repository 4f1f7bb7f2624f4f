import { Type } from 'typebox';
import { sendWakeUp } from '../../db/wake-up.ts';
import { idempotentPost, replayHeaders, withIdempotencyKey } from '../plugins/idempotency.ts';
import { idempotentProblemResponses } from '../schemas/problem.ts';
import { SubscriptionSchema } from '../schemas/status.ts';
import type { HttpDependencies, Server } from '../server-types.ts';
import { readSubscriptionStatus } from '../views/read-subscription-status.ts';

export function registerSubscriptionReconnectRoute(app: Server, dependencies: HttpDependencies): void {
  app.post('/v1/subscription/reconnect', { config: { scope: 'write' }, schema }, (request, reply) =>
    withIdempotencyKey(dependencies.pool, request, reply, async (client) => {
      // The process that follows the topic receives it.
      await sendWakeUp(client, 'reconnect');
      return { status: 202, body: await readSubscriptionStatus(dependencies) };
    }),
  );
}

const schema = {
  operationId: 'reconnectSubscription',
  summary: 'Connect to Salesforce now',
  description:
    'For use after the cause of an outage is corrected: the stream is opened immediately instead of after the backoff, and a failed initial load is requested again. Has no effect while the stream is open. Takes no body, or an empty object.',
  tags: ['Status'],
  ...idempotentPost,
  response: {
    202: Type.Object(SubscriptionSchema.properties, {
      description: 'The state of the stream at the time of the request; `GET /v1/status` shows the result.',
      headers: replayHeaders(),
    }),
    ...idempotentProblemResponses(),
  },
} as const;
