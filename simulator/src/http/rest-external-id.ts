import type { FastifyInstance } from 'fastify';
import type { FieldDefinition, Org, OrgRecord, RecordValues } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import { fieldIndex } from './field-index.ts';
import type { HttpContext } from './http-context.ts';
import { readRecord } from './record-input.ts';
import { recordJson } from './record-json.ts';
import { callerOf, versionUrl } from './rest-caller.ts';
import { assertAccount, assertSaved, selectedFields } from './rest-rows.ts';

/** Single accounts by external id: read and upsert. Several matches return 300 with their URLs. */
export const externalIdRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.get<ExternalIdRoute>('/sobjects/:type/:field/:value', async (request, reply) => {
      const index = fieldIndex(org);
      const field = externalIdField(org, request.params.field);
      const [record, ...others] = recordsWith(org, field, request.params.value);
      if (!record) throw valueNotFound(field);
      if (others.length > 0) return reply.code(300).send(urls([record, ...others], versionUrl(request)));
      return recordJson(record, selectedFields(request.query.fields, index), index, versionUrl(request));
    });

    app.patch<ExternalIdRoute>('/sobjects/:type/:field/:value', async (request, reply) => {
      const field = externalIdField(org, request.params.field);
      const { values } = readRecord(request.body, fieldIndex(org));
      assertNotTwice(values, field);
      const matches = recordsWith(org, field, request.params.value);
      if (matches.length > 1) return reply.code(300).send(urls(matches, versionUrl(request)));
      const result = org.transaction(callerOf(request), (tx) =>
        tx.upsert(field.name, request.params.value, values),
      );
      const { created, id } = assertSaved(result);
      return reply.code(created ? 201 : 200).send({ id, success: true, errors: [], created });
    });
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

type ExternalIdRoute = {
  Params: { type: string; field: string; value: string };
  Querystring: { fields?: string };
};
