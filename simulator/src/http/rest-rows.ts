import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, Org, SaveResult } from '../org/model.ts';
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

    app.post('/sobjects/:type', async (request, reply) =>
      sendRow(reply, createRow(rowScope(org, request), request.body)),
    );

    app.get<RowRoute>('/sobjects/:type/:id', async (request, reply) =>
      sendRow(reply, readRow(rowScope(org, request), request.params.id, request.query.fields)),
    );

    app.patch<RowRoute>('/sobjects/:type/:id', async (request, reply) => {
      assertUnchangedSince(request.headers['if-unmodified-since'], org.record(request.params.id));
      return sendRow(reply, updateRow(rowScope(org, request), request.params.id, request.body));
    });

    app.delete<RowRoute>('/sobjects/:type/:id', async (request, reply) =>
      sendRow(reply, deleteRow(rowScope(org, request), request.params.id)),
    );
  };

export const createRow = ({ base, caller, org }: RowScope, body: unknown): RowResponse => {
  const { values } = readRecord(body, fieldIndex(org));
  const { id } = assertSaved(org.transaction(caller, (tx) => tx.insert(values)));
  const headers = { Location: `${base}/sobjects/Account/${id}` };
  return { status: 201, headers, body: { id, success: true, errors: [] } };
};

export const readRow = ({ base, org }: RowScope, id: string, fields: string | undefined): RowResponse => {
  const index = fieldIndex(org);
  const selected = selectedFields(fields, index);
  const record = org.record(id);
  if (!record) throw resourceNotFound();
  if (record.isDeleted) throw new ApiError(404, 'ENTITY_IS_DELETED', 'entity is deleted', []);
  return { status: 200, body: recordJson(record, selected, index, base) };
};

export const updateRow = ({ caller, org }: RowScope, id: string, body: unknown): RowResponse => {
  const { values } = readRecord(body, fieldIndex(org));
  assertSaved(org.transaction(caller, (tx) => tx.update(id, values)));
  return { status: 204 };
};

export const deleteRow = ({ caller, org }: RowScope, id: string): RowResponse => {
  assertSaved(org.transaction(caller, (tx) => tx.delete(id)));
  return { status: 204 };
};

export const rowScope = (org: Org, request: FastifyRequest): RowScope => ({
  org,
  caller: callerOf(request),
  base: versionUrl(request),
});

export const sendRow = (reply: FastifyReply, { body, headers = {}, status }: RowResponse) =>
  reply.code(status).headers(headers).send(body);

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

/** Who sends a request for a row, and to which org. */
export type RowScope = {
  readonly org: Org;
  readonly caller: Caller;
  /** `/services/data/v66.0` */
  readonly base: string;
};

/** Without a body if there is none in the response. */
export type RowResponse = {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

type RowRoute = { Params: { type: string; id: string }; Querystring: { fields?: string } };
