import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { SaveResult, Transaction } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import { type Collection, readCollection, refusedType, splitIds } from './collection-input.ts';
import { fieldIndex } from './field-index.ts';
import type { HttpContext } from './http-context.ts';
import { isObject, type RecordInput } from './record-input.ts';
import { recordJson } from './record-json.ts';
import { callerOf, versionUrl } from './rest-caller.ts';
import { externalIdField } from './rest-external-id.ts';
import { assertAccount, selectedFields } from './rest-rows.ts';

/**
 * Up to 200 accounts in one request and one transaction. The response is 200 with one result per record in the
 * order of the request; with `allOrNone` one failure undoes all.
 */
export const collectionRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    const saveAll = <T>(
      request: FastifyRequest,
      items: readonly T[],
      allOrNone: boolean,
      save: (tx: Transaction, item: T) => SaveResult,
    ): SaveResult[] =>
      org.transaction(callerOf(request), (tx) => {
        const results = items.map((item) => save(tx, item));
        if (!allOrNone || results.every(({ success }) => success)) return results;
        tx.rollback();
        return results.map((result) => (result.success ? rolledBack(result.id) : result));
      });

    /** An error of a trigger fails every record of the collection. */
    const saveRecords = (
      request: FastifyRequest,
      { allOrNone, records }: Collection,
      save: (tx: Transaction, record: RecordInput) => SaveResult,
    ): SaveResult[] => {
      const refusal = org.collectionRefusal(callerOf(request), records.map(nameOf));
      if (refusal === undefined) return saveAll(request, records, allOrNone, checkingType(save));
      return records.map(({ values }) => ({ success: false, id: idOf(values), errors: [refusal] }));
    };
    const nameOf = ({ values }: RecordInput): string =>
      String(values['Name'] ?? org.record(idOf(values) ?? '')?.values['Name'] ?? '');

    app.post('/composite/sobjects', async (request) => {
      const collection = readCollection(request.body, fieldIndex(org));
      const insert = (tx: Transaction, { values }: RecordInput) => tx.insert(values);
      return saveRecords(request, collection, insert).map(resultJson);
    });

    app.patch('/composite/sobjects', async (request) =>
      saveRecords(request, readCollection(request.body, fieldIndex(org)), updateById).map(resultJson),
    );

    app.patch<FieldRoute>('/composite/sobjects/:type/:field', async (request) => {
      const field = externalIdField(org, request.params.field).name;
      const { allOrNone, records } = readCollection(request.body, fieldIndex(org));
      const upsert = (tx: Transaction, { values }: RecordInput) => {
        const { [field]: externalId, ...others } = values;
        return tx.upsert(field, String(externalId ?? ''), others);
      };
      return saveRecords(request, { allOrNone, records }, upsert).map((result) => ({
        ...resultJson(result),
        ...(result.success && { created: result.created }),
      }));
    });

    app.delete<DeleteRoute>('/composite/sobjects', async (request) => {
      const ids = splitIds(request.query.ids, 200);
      const allOrNone = request.query.allOrNone === 'true';
      return saveAll(request, ids, allOrNone, (tx, id) => tx.delete(id)).map(resultJson);
    });

    const readMany = (request: FastifyRequest, ids: readonly string[], names: readonly string[]) => {
      const index = fieldIndex(org);
      if (names.length === 0) throw new ApiError(400, 'MISSING_ARGUMENT', 'fields must be specified');
      const fields = selectedFields(names.join(','), index);
      const base = versionUrl(request);
      return ids.map((id) => {
        const record = org.record(id);
        return record && !record.isDeleted ? recordJson(record, fields, index, base) : null;
      });
    };

    app.get<ReadRoute>('/composite/sobjects/:type', async (request) =>
      readMany(request, splitIds(request.query.ids, 2000), request.query.fields?.split(',') ?? []),
    );

    app.post('/composite/sobjects/:type', async (request) => {
      const { ids, fields } = isObject(request.body) ? request.body : {};
      return readMany(request, splitIds(ids, 2000), strings(fields));
    });
  };

const checkingType =
  (save: (tx: Transaction, record: RecordInput) => SaveResult) =>
  (tx: Transaction, record: RecordInput): SaveResult =>
    refusedType(record) ?? save(tx, record);

const updateById = (tx: Transaction, { values }: RecordInput): SaveResult => {
  const { Id: id, ...others } = values;
  return typeof id === 'string' ? tx.update(id, others) : idMissing;
};

const idOf = ({ Id: id }: RecordInput['values']): string | null => (typeof id === 'string' ? id : null);

/** Collections call the code `statusCode`; errors of whole requests call it `errorCode`. */
const resultJson = (result: SaveResult) =>
  result.success
    ? { id: result.id, success: true, errors: [] }
    : { ...(result.id && { id: result.id }), success: false, errors: result.errors };

const rolledBack = (id: string): SaveResult => ({
  success: false,
  id,
  errors: [
    {
      statusCode: 'ALL_OR_NONE_OPERATION_ROLLED_BACK',
      message:
        'Record rolled back because not all records were valid and the request was using AllOrNone header',
      fields: [],
    },
  ],
});

const idMissing: SaveResult = {
  success: false,
  id: null,
  errors: [{ statusCode: 'MISSING_ARGUMENT', message: 'Id not specified in an update call', fields: ['Id'] }],
};

const strings = (json: unknown): string[] =>
  Array.isArray(json) ? json.filter((item) => typeof item === 'string') : [];

type FieldRoute = { Params: { type: string; field: string } };
type DeleteRoute = { Querystring: { ids?: string; allOrNone?: string } };
type ReadRoute = { Params: { type: string }; Querystring: { ids?: string; fields?: string } };
