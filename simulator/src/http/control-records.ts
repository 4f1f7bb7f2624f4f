import type { FastifyInstance } from 'fastify';
import type { SaveResult } from '../org/model.ts';
import type { SimulatorOrg } from '../org/org.ts';
import { person } from '../org/unusual-changes.ts';
import { fieldIndex } from './field-index.ts';
import { readRecord } from './record-input.ts';
import { assertSaved } from './rest-rows.ts';

/** Creates, changes and deletes accounts as a user of Salesforce does, with events. */
export const recordRoutes = (org: SimulatorOrg) => async (app: FastifyInstance) => {
  const values = (json: unknown) => readRecord(json, fieldIndex(org)).values;

  app.post('/records', async ({ body }, reply) =>
    reply.code(201).send(saved(org.transaction(person(org), (tx) => tx.insert(values(body))))),
  );

  app.patch<RecordRoute>('/records/:id', async ({ body, params }) =>
    saved(org.transaction(person(org), (tx) => tx.update(params.id, values(body)))),
  );

  app.delete<RecordRoute>('/records/:id', async ({ params }) =>
    saved(org.transaction(person(org), (tx) => tx.delete(params.id))),
  );
};

function saved(result: SaveResult): { id: string } {
  return { id: assertSaved(result).id };
}

type RecordRoute = { Params: { id: string } };
