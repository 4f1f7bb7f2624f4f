import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import type { BulkContext } from './bulk/bulk-context.ts';
import { allowanceRoutes } from './control-allowance.ts';

/** `/simulator/bulk`: which bulk jobs there were, by whom, and what became of them; and how many a day may have. */
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
