import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyError, FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { FaultList } from '../faults/faults.ts';
import type { Caller, Org, SaveResult } from '../org/model.ts';
import type { SimulatorOrg } from '../org/org.ts';
import type { Bus } from '../pubsub/bus.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import type { BulkContext } from './bulk/bulk-context.ts';
import { allowanceRoutes } from './control-allowance.ts';
import { bulkControlRoutes } from './control-bulk.ts';
import { faultRoutes } from './control-faults.ts';
import { recordRoutes } from './control-records.ts';
import { webhookControlRoutes } from './control-webhooks.ts';
import { assertLoopback } from './loopback.ts';
import type { Allowance } from './request-allowance.ts';

/** `/simulator/…`: what a test or a person does to the org from outside Salesforce's own APIs. JSON, no sign-in, loopback only. */
export const controlRoutes = (control: Control) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const { bus, org } = control;
  app.addHook('onRequest', assertLoopback);
  app.setErrorHandler((error: FastifyError, _request, reply) =>
    reply.code(error.statusCode ?? 400).send({ error: error.message }),
  );

  app.register(recordRoutes(org));
  app.register(faultRoutes(control.faults), { prefix: '/faults' });
  app.register(allowanceRoutes(control.allowance), { prefix: '/allowance' });
  app.register(bulkControlRoutes(control.bulk), { prefix: '/bulk' });
  app.register(webhookControlRoutes(control.webhooks), { prefix: '/webhooks' });

  app.get('/', async () => control.describe());

  app.post('/accounts', { schema: { body: accountsBody } }, async ({ body }) => {
    org.seed(body.count, body.seed ?? 1);
    return { accounts: org.size };
  });

  app.post('/fields', { schema: { body: fieldBody } }, async ({ body }) => {
    org.addField(body);
    return org.field(body.name);
  });

  app.patch('/fields/:name', { schema: { params: fieldName, body: fieldChange } }, async (request) => {
    org.changeField(request.params.name, request.body);
    return org.field(request.params.name);
  });

  app.delete('/fields/:name', { schema: { params: fieldName } }, async ({ params }) => {
    org.removeField(params.name);
    return { removed: params.name };
  });

  app.post('/schemas', { schema: { body: schemaBody } }, async ({ body }) => {
    bus.registerSchema(body.schemaId, body.schemaJson);
    return { schemaId: body.schemaId };
  });

  app.post('/events', { schema: { body: eventBody } }, async ({ body }) => {
    const { id, payload, replayId, schemaId, topic } = body;
    const event = { id, schemaId, payload: Buffer.from(payload, 'base64') };
    const given = replayId === undefined ? {} : { replayId: Buffer.from(replayId, 'base64') };
    return { replayId: bus.publishRaw(topic, { ...event, ...given }).toString('base64') };
  });

  app.get('/events', async () => ({ events: latestEvents(bus, 50) }));

  app.post('/undelete', { schema: { body: undeleteBody } }, async ({ body }, reply) => {
    const result: SaveResult = org.transaction(undeleter(org), (tx) => tx.undelete(body.id));
    return reply.code(result.success ? 200 : 400).send(result);
  });

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

const latestEvents = (bus: Bus, most: number) =>
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
    .slice(-most)
    .reverse();

const undeleter = ({ users }: Org): Caller => ({
  userId: users[0]?.id ?? '',
  api: 'soap',
  apiVersion: '66.0',
  client: null,
});

const text = Type.String({ minLength: 1 });
const base64 = Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' });
const closed = { additionalProperties: false };

const accountsBody = Type.Object(
  { count: Type.Integer({ minimum: 1, maximum: 1_000_000 }), seed: Type.Optional(Type.Integer()) },
  closed,
);

const fieldType = Type.Union([
  Type.Literal('string'),
  Type.Literal('textarea'),
  Type.Literal('phone'),
  Type.Literal('url'),
  Type.Literal('email'),
  Type.Literal('picklist'),
  Type.Literal('multipicklist'),
  Type.Literal('currency'),
  Type.Literal('double'),
  Type.Literal('percent'),
  Type.Literal('int'),
  Type.Literal('boolean'),
  Type.Literal('date'),
  Type.Literal('datetime'),
]);

const fieldBody = Type.Object(
  {
    name: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]*__c$' }),
    type: fieldType,
    label: Type.Optional(text),
    length: Type.Optional(Type.Integer({ minimum: 1, maximum: 131_072 })),
    unique: Type.Optional(Type.Boolean()),
    externalId: Type.Optional(Type.Boolean()),
  },
  closed,
);

const fieldName = Type.Object({ name: text });

const fieldChange = Type.Object(
  { type: fieldType, length: Type.Optional(Type.Integer({ minimum: 1, maximum: 131_072 })) },
  closed,
);

const schemaBody = Type.Object({ schemaId: text, schemaJson: text }, closed);

const eventBody = Type.Object(
  { topic: text, id: text, schemaId: text, payload: base64, replayId: Type.Optional(base64) },
  closed,
);

const undeleteBody = Type.Object({ id: text }, closed);

const instanceBody = Type.Object({ instanceUrl: Type.String({ pattern: '^https?://[^/]+$' }) }, closed);

const disconnectBody = Type.Union([Type.Object({ errorCode: Type.Optional(text) }, closed), Type.Null()]);

/** What the control API reaches. */
export type Control = {
  readonly org: SimulatorOrg;
  readonly bus: Bus;
  readonly faults: FaultList;
  readonly allowance: Allowance;
  readonly bulk: BulkContext;
  readonly webhooks: Webhooks;
  /** What this simulator is: addresses, credentials, counts. */
  describe(): object;
  revokeSessions(): number;
  /** Sign-ins name this address from now on. */
  moveTo(url: string): void;
  /** Without an error code the streams end cleanly. */
  disconnectStreams(errorCode: string | undefined): void;
};
