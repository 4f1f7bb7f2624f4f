import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { SimulatorOrg } from '../org/org.ts';
import { convertLead, mergeAccounts } from '../org/unusual-changes.ts';

/** What people and jobs do to records that REST has no request for, and who wrote what. */
export const recordRoutes = (org: SimulatorOrg) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post('/merge', { schema: { body: mergeBody } }, async ({ body }, reply) => {
    const result = mergeAccounts(org, body.winner, body.losers);
    return reply.code(result.success ? 200 : 400).send(result);
  });

  app.post('/leads/convert', { schema: { body: leadBody } }, async ({ body }) => convertLead(org, body));

  app.get('/audit', { schema: { querystring: auditQuery } }, async ({ query }) => ({
    entries: org.audit.entries(query),
  }));

  app.delete('/audit', async () => {
    org.audit.clear();
    return { entries: 0 };
  });
};

const text = Type.String({ minLength: 1 });
const closed = { additionalProperties: false };

const mergeBody = Type.Object(
  { winner: text, losers: Type.Array(text, { minItems: 1, maxItems: 2, uniqueItems: true }) },
  closed,
);

const leadBody = Type.Object({ company: text, lastName: text }, closed);

const auditQuery = Type.Object({ client: Type.Optional(text), recordId: Type.Optional(text) }, closed);
