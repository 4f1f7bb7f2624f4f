import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { OPTIONAL_STANDARD_FIELDS } from '../org/account-fields.ts';
import type { SimulatorOrg } from '../org/org.ts';
import { convertLead, mergeAccounts, undeleteAccount } from '../org/unusual-changes.ts';

/** Changes of records and fields that REST does not offer, and the log of writes. */
export const orgRoutes = (org: SimulatorOrg) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();

  app.post('/accounts', { schema: { body: accountsBody } }, async ({ body }) => {
    org.seed(body.count, body.seed ?? 1);
    return { accounts: org.size };
  });

  app.post('/undelete', { schema: { body: undeleteBody } }, async ({ body }, reply) => {
    const result = undeleteAccount(org, body.id);
    return reply.code(result.success ? 200 : 400).send(result);
  });

  app.post('/merge', { schema: { body: mergeBody } }, async ({ body }, reply) => {
    const result = mergeAccounts(org, body.winner, body.losers);
    return reply.code(result.success ? 200 : 400).send(result);
  });

  app.post('/leads/convert', { schema: { body: leadBody } }, async ({ body }) => convertLead(org, body));

  app.post('/fields', { schema: { body: Type.Union([fieldBody, standardFieldBody]) } }, async ({ body }) => {
    org.addField('type' in body ? body : OPTIONAL_STANDARD_FIELDS[body.name]);
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

  app.post(
    '/fields/:name/recalculate',
    { schema: { params: fieldName, body: recalculation } },
    async ({ params, body }) => {
      org.recalculate(params.name, body.value, body.recordIds);
      return { recalculated: params.name };
    },
  );

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

const accountsBody = Type.Object(
  { count: Type.Integer({ minimum: 1, maximum: 1_000_000 }), seed: Type.Optional(Type.Integer()) },
  closed,
);

const undeleteBody = Type.Object({ id: text }, closed);

const mergeBody = Type.Object(
  { winner: text, losers: Type.Array(text, { minItems: 1, maxItems: 2, uniqueItems: true }) },
  closed,
);

const leadBody = Type.Object({ company: text, lastName: text }, closed);

const fieldValue = Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]);

const recalculation = Type.Object({ value: fieldValue, recordIds: Type.Optional(Type.Array(text)) }, closed);

const fieldName = Type.Object({ name: text });

const fieldChange = Type.Object(
  {
    type: Type.Enum([
      'string',
      'textarea',
      'phone',
      'url',
      'email',
      'picklist',
      'multipicklist',
      'currency',
      'double',
      'percent',
      'int',
      'boolean',
      'date',
      'datetime',
      'time',
      'encryptedstring',
      'location',
    ]),
    length: Type.Optional(Type.Integer({ minimum: 1, maximum: 131_072 })),
    defaultValue: Type.Optional(fieldValue),
    label: Type.Optional(text),
    calculated: Type.Optional(Type.Boolean()),
  },
  closed,
);

const fieldBody = Type.Object(
  {
    ...fieldChange.properties,
    name: Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_]*__c$' }),
    unique: Type.Optional(Type.Boolean()),
    externalId: Type.Optional(Type.Boolean()),
  },
  closed,
);

const standardFieldBody = Type.Object({ name: Type.Enum(['RecordTypeId', 'CurrencyIsoCode']) }, closed);

const auditQuery = Type.Object({ client: Type.Optional(text), recordId: Type.Optional(text) }, closed);
