import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { Webhooks } from '../webhooks/webhooks.ts';

/** `/simulator/webhooks`: starts, shows and stops the senders of webhooks. */
export const webhookControlRoutes = (webhooks: Webhooks) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.get('/', async () => ({ webhooks: webhooks.senders() }));

  app.post('/change-events', { schema: { body: relayBody } }, async ({ body }) =>
    webhooks.relayEvents(body).state(),
  );

  app.post('/outbound-messages', { schema: { body: outboundBody } }, async ({ body }) =>
    webhooks.sendOutboundMessages(body).state(),
  );

  app.delete('/', async () => ({ stopped: webhooks.stop() }));
};

const closed = { additionalProperties: false };
const url = Type.String({ pattern: '^https?://' });
const retryMs = Type.Optional(Type.Integer({ minimum: 1, maximum: 7_200_000 }));

const relayBody = Type.Object(
  {
    url,
    secret: Type.String({ pattern: '^whsec_[A-Za-z0-9+/]+={0,2}$' }),
    shape: Type.Optional(Type.Enum(['cometd', 'payload', 'eventbridge'])),
    batchSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    topic: Type.Optional(Type.String({ pattern: '^/data/[A-Za-z0-9_]+$' })),
    retryMs,
  },
  closed,
);

const outboundBody = Type.Object(
  { url, batchSize: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })), retryMs },
  closed,
);
