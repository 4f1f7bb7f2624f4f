import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SaveResult } from '../org/model.ts';
import { ApiError, resourceNotFound, rowError } from './api-error.ts';
import { type FieldIndex, fieldIndex } from './field-index.ts';
import type { HttpContext } from './http-context.ts';
import { readRecord } from './record-input.ts';
import { recordJson } from './record-json.ts';
import { callerOf, versionUrl } from './rest-caller.ts';

/** Single accounts by id: create, read, change, delete. */
export const rowRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.post('/sobjects/:type', async (request, reply) => {
      const { values } = readRecord(request.body, fieldIndex(org));
      const { id } = assertSaved(org.transaction(callerOf(request), (tx) => tx.insert(values)));
      reply.code(201).header('Location', `${versionUrl(request)}/sobjects/Account/${id}`);
      return { id, success: true, errors: [] };
    });

    app.get<RowRoute>('/sobjects/:type/:id', async (request) => {
      const index = fieldIndex(org);
      const fields = selectedFields(request.query.fields, index);
      const record = org.record(request.params.id);
      if (!record) throw resourceNotFound();
      if (record.isDeleted) throw new ApiError(404, 'ENTITY_IS_DELETED', 'entity is deleted', []);
      return recordJson(record, fields, index, versionUrl(request));
    });

    app.patch<RowRoute>('/sobjects/:type/:id', async (request, reply) => {
      const { values } = readRecord(request.body, fieldIndex(org));
      assertUnchangedSince(request.headers['if-unmodified-since'], org.record(request.params.id));
      assertSaved(org.transaction(callerOf(request), (tx) => tx.update(request.params.id, values)));
      return reply.code(204).send();
    });

    app.delete<RowRoute>('/sobjects/:type/:id', async (request, reply) => {
      assertSaved(org.transaction(callerOf(request), (tx) => tx.delete(request.params.id)));
      return reply.code(204).send();
    });
  };

/** Account is the only object; its name is case-insensitive. */
export const assertAccount = (request: FastifyRequest): void => {
  const { type } = Object(request.params);
  if (typeof type === 'string' && type.toLowerCase() !== 'account') throw resourceNotFound();
};

/** The fields of `?fields=Name,Phone`, or every field. */
export const selectedFields = (names: string | undefined, index: FieldIndex) =>
  (names ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
    .map((name) => {
      const field = index.find(name);
      if (field) return field;
      throw new ApiError(400, 'INVALID_FIELD', `No such column '${name}' on sobject of type Account`);
    })
    .concat(names ? [] : index.fields);

export const assertSaved = (result: SaveResult): Extract<SaveResult, { success: true }> => {
  if (!result.success) throw rowError(result.errors);
  return result;
};

const assertUnchangedSince = (
  header: string | undefined,
  record: { values: Readonly<Record<string, unknown>> } | undefined,
) => {
  const since = Date.parse(header ?? '');
  if (Number(record?.values['LastModifiedDate']) > since) {
    throw new ApiError(412, 'PRECONDITION_FAILED', 'the record was modified since the given time');
  }
};

type RowRoute = { Params: { type: string; id: string }; Querystring: { fields?: string } };
