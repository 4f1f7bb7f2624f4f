import type { FastifyInstance } from 'fastify';
import type { FieldDefinition, Org, OrgRecord, RecordValues } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import { fieldIndex } from './field-index.ts';
import type { HttpContext } from './http-context.ts';
import { readRecord } from './record-input.ts';
import { recordJson } from './record-json.ts';
import {
  assertAccount,
  assertSaved,
  type RowResponse,
  type RowScope,
  rowScope,
  selectedFields,
  sendRow,
} from './rest-rows.ts';

/** Single accounts by external id: read and upsert. Several matches return 300 with their URLs. */
export const externalIdRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.get<ExternalIdRoute>('/sobjects/:type/:field/:value', async (request, reply) =>
      sendRow(reply, readByExternalId(rowScope(org, request), request.params, request.query.fields)),
    );

    app.patch<ExternalIdRoute>('/sobjects/:type/:field/:value', async (request, reply) =>
      sendRow(reply, upsertRow(rowScope(org, request), request.params, request.body)),
    );
  };

export const readByExternalId = (
  { base, org }: RowScope,
  key: ExternalId,
  fields: string | undefined,
): RowResponse => {
  const index = fieldIndex(org);
  const field = externalIdField(org, key.field);
  const [record, ...others] = recordsWith(org, field, key.value);
  if (!record) throw valueNotFound(field);
  if (others.length > 0) return { status: 300, body: urls([record, ...others], base) };
  return { status: 200, body: recordJson(record, selectedFields(fields, index), index, base) };
};

export const upsertRow = ({ base, caller, org }: RowScope, key: ExternalId, body: unknown): RowResponse => {
  const field = externalIdField(org, key.field);
  const { values } = readRecord(body, fieldIndex(org));
  assertNotTwice(values, field);
  const matches = recordsWith(org, field, key.value);
  if (matches.length > 1) return { status: 300, body: urls(matches, base) };
  const result = org.transaction(caller, (tx) => tx.upsert(field.name, key.value, values));
  const { created, id } = assertSaved(result);
  return { status: created ? 201 : 200, body: { id, success: true, errors: [], created } };
};

/** Throws NOT_FOUND if the field is not an external id. */
export const externalIdField = (org: Org, name: string): FieldDefinition => {
  const field = fieldIndex(org).find(name);
  if (field?.externalId || field?.type === 'id') return field;
  const message = `Provided external ID field does not exist or is not accessible: ${name}`;
  throw new ApiError(404, 'NOT_FOUND', message);
};

const recordsWith = (org: Org, field: FieldDefinition, value: string): OrgRecord[] => {
  if (field.type === 'id') return [org.record(value) ?? []].flat().filter((record) => !record.isDeleted);
  const found: OrgRecord[] = [];
  for (const record of org.records()) {
    if (!record.isDeleted && String(record.values[field.name] ?? '') === value) found.push(record);
  }
  return found;
};

/** The URL already contains the external id. */
const assertNotTwice = (values: RecordValues, { name }: FieldDefinition): void => {
  if (!(name in values)) return;
  const message = `The ${name} field should not be specified in the sobject data.`;
  throw new ApiError(400, 'INVALID_FIELD', message, [name]);
};

const valueNotFound = ({ name }: FieldDefinition) =>
  new ApiError(404, 'NOT_FOUND', `Provided external ID field value does not exist: ${name}`);

const urls = (records: readonly OrgRecord[], base: string) =>
  records.map(({ id }) => `${base}/sobjects/Account/${id}`);

type ExternalId = { readonly field: string; readonly value: string };

type ExternalIdRoute = {
  Params: { type: string; field: string; value: string };
  Querystring: { fields?: string };
};
