import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { FaultList } from '../faults/faults.ts';
import type { SimulatorOrg } from '../org/org.ts';
import type { Bus } from '../pubsub/bus.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { BulkContext } from './bulk/bulk-context.ts';
import { allowanceRoutes, bulkControlRoutes } from './control-limits.ts';
import { orgRoutes } from './control-org.ts';
import { recordRoutes } from './control-records.ts';
import { webhookControlRoutes } from './control-webhooks.ts';
import type { Allowance } from './request-allowance.ts';
import { assertLoopback } from './request-checks.ts';

/** The control API, `/simulator/…`: what Salesforce's own APIs do not offer. JSON, no sign-in, loopback only. */
export const controlRoutes = (control: Control) => async (app: FastifyInstance) => {
  app.addHook('onRequest', assertLoopback);
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    reply.code(error.statusCode ?? 400).send({ error: error.message }),
  );
  app.setNotFoundHandler(async (_request, reply) => reply.code(404).send({ error: 'not found' }));
  app.get('/', async () => control.describe());
  app.register(orgRoutes(control.org));
  app.register(recordRoutes(control.org));
  app.register(eventRoutes(control.org.bus));
  app.register(connectionRoutes(control));
  app.register(faultRoutes(control.faults), { prefix: '/faults' });
  app.register(allowanceRoutes(control.allowance), { prefix: '/allowance' });
  app.register(bulkControlRoutes(control.bulk), { prefix: '/bulk' });
  app.register(webhookControlRoutes(control.webhooks), { prefix: '/webhooks' });
};

/** Events byte for byte: the newest ones, and publishing. */
const eventRoutes = (bus: Bus) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post('/schemas', { schema: { body: schemaBody } }, async ({ body }) => {
    bus.registerSchema(body.schemaId, body.schemaJson);
    return { schemaId: body.schemaId };
  });

  app.post('/events', { schema: { body: eventBody } }, async ({ body }) => {
    const { id, payload, replayId, schemaId, topic } = body;
    const event = { id, schemaId, payload: Buffer.from(payload, 'base64') };
    const position = replayId === undefined ? {} : { replayId: Buffer.from(replayId, 'base64') };
    return { replayId: bus.publishRaw(topic, { ...event, ...position }).toString('base64') };
  });

  app.get('/events', async () => ({ events: newestEvents(bus, 50) }));
};

const newestEvents = (bus: Bus, maxEvents: number) =>
  bus
    .retained()
    .flatMap(({ at, event, replayId, topic }) =>
      event === null
        ? []
        : {
            topic,
            id: event.id,
            schemaId: event.schemaId,
            replayId: replayId.toString('base64'),
            payload: Buffer.from(event.payload).toString('base64'),
            at: new Date(at).toISOString(),
          },
    )
    .slice(-maxEvents)
    .reverse();

const connectionRoutes = (control: Control) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post('/sessions/revoke', async () => ({ revoked: control.revokeSessions() }));

  app.post('/instance', { schema: { body: instanceBody } }, async ({ body }) => {
    control.moveTo(body.instanceUrl);
    return { instanceUrl: body.instanceUrl };
  });

  app.post('/streams/disconnect', { schema: { body: disconnectBody } }, async ({ body }) => {
    control.disconnectStreams(body?.errorCode);
    return { disconnected: true };
  });
};

/** Faults by name: list, switch on or act, switch off. */
const faultRoutes = (faults: FaultList) => async (app: FastifyInstance) => {
  app.get('/', async () => ({ on: faults.active(), faults: faults.catalog() }));

  app.post<NamedRoute>('/:name', async ({ body, params }) => ({
    name: params.name,
    ...faults.start(params.name, body ?? {}),
  }));

  app.delete<NamedRoute>('/:name', async ({ params }) => ({ off: faults.clear(params.name) }));

  app.delete('/', async () => ({ off: faults.clearAll() }));
};

const text = Type.String({ minLength: 1 });
const base64 = Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' });
const closed = { additionalProperties: false };

const schemaBody = Type.Object({ schemaId: text, schemaJson: text }, closed);

const eventBody = Type.Object(
  { topic: text, id: text, schemaId: text, payload: base64, replayId: Type.Optional(base64) },
  closed,
);

const instanceBody = Type.Object({ instanceUrl: Type.String({ pattern: '^https?://[^/]+$' }) }, closed);

const disconnectBody = Type.Union([Type.Object({ errorCode: Type.Optional(text) }, closed), Type.Null()]);

type NamedRoute = { Params: { name: string } };

/** What the control API controls. */
export type Control = {
  readonly org: SimulatorOrg;
  readonly faults: FaultList;
  readonly allowance: Allowance;
  readonly bulk: BulkContext;
  readonly webhooks: Webhooks;
  /** Addresses, credentials and counts of this simulator. */
  describe(): object;
  revokeSessions(): number;
  /** Sign-ins return this address from now on. */
  moveTo(url: string): void;
  /** Without an error code the streams end cleanly. */
  disconnectStreams(errorCode: string | undefined): void;
};
