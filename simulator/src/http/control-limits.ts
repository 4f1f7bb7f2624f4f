import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { BulkContext } from './bulk/bulk-context.ts';
import type { Allowance } from './request-allowance.ts';

/** `/simulator/bulk`: the log of bulk jobs, and their daily limit. */
export const bulkControlRoutes =
  ({ allowance, jobs }: BulkContext) =>
  async (instance: FastifyInstance) => {
    const app = instance.withTypeProvider<TypeBoxTypeProvider>();
    app.register(allowanceRoutes(allowance), { prefix: '/allowance' });

    app.get('/jobs', { schema: { querystring: jobsQuery } }, async ({ query }) => ({
      jobs: jobs.log(query.client),
    }));

    app.delete('/jobs', async () => {
      jobs.clearLog();
      return { jobs: 0 };
    });
  };

const jobsQuery = Type.Object(
  { client: Type.Optional(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
);

/** A daily limit: read, change, refill. Control requests do not count. */
export const allowanceRoutes = (allowance: Allowance) => async (instance: FastifyInstance) => {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const shown = () => ({ max: allowance.max, used: allowance.used, remaining: allowance.remaining });

  app.get('/', async () => shown());

  app.patch('/', { schema: { body: allowanceBody } }, async ({ body }) => {
    allowance.set(body);
    return shown();
  });

  app.post('/refill', async () => {
    allowance.refill();
    return shown();
  });
};

const count = Type.Optional(Type.Integer({ minimum: 0 }));

const allowanceBody = Type.Object(
  { max: count, used: count },
  { additionalProperties: false, minProperties: 1 },
);
