import type { FastifyInstance } from 'fastify';
import type { FaultList } from '../faults/faults.ts';

/** `/simulator/faults`: lists what can go wrong and what does now, switches it on by name, and off again. */
export const faultRoutes = (faults: FaultList) => async (app: FastifyInstance) => {
  app.get('/', async () => ({ on: faults.active(), faults: faults.catalog() }));

  app.post<NamedRoute>('/:name', async ({ body, params }) => ({
    name: params.name,
    ...faults.start(params.name, body ?? {}),
  }));

  app.delete<NamedRoute>('/:name', async ({ params }) => ({ off: faults.clear(params.name) }));

  app.delete('/', async () => ({ off: faults.clearAll() }));
};

type NamedRoute = { Params: { name: string } };
