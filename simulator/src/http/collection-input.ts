import type { SaveResult } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import type { FieldIndex } from './field-index.ts';
import { isObject, type RecordInput, readRecord } from './record-input.ts';

/** The body of a collections request. Throws when it is not one, or holds more than 200 records or none. */
export const readCollection = (body: unknown, index: FieldIndex): Collection => {
  if (!isObject(body) || !Array.isArray(body['records'])) {
    throw new ApiError(400, 'JSON_PARSER_ERROR', 'the request needs an array of records');
  }
  assertCount(body['records'].length, 200);
  const records = body['records'].map((record) => readRecord(record, index));
  return { allOrNone: body['allOrNone'] === true || body['allOrNone'] === 'true', records };
};

/** Ids from a comma-separated list or an array. Throws when there are none or more than `most`. */
export const splitIds = (ids: unknown, most: number): string[] => {
  const list: unknown[] = typeof ids === 'string' ? ids.split(',') : Array.isArray(ids) ? ids : [];
  const texts = list.map((id) => String(id).trim()).filter((id) => id !== '');
  assertCount(texts.length, most);
  return texts;
};

/** A failure for a record whose type is missing or not Account. */
export const refusedType = ({ type }: RecordInput): SaveResult | undefined => {
  if (type?.toLowerCase() === 'account') return undefined;
  const message = type === null ? 'The type is required' : `sObject type '${type}' is not supported.`;
  return {
    success: false,
    id: null,
    errors: [{ statusCode: type === null ? 'MISSING_ARGUMENT' : 'INVALID_TYPE', message, fields: [] }],
  };
};

const assertCount = (count: number, most: number): void => {
  if (count === 0) throw new ApiError(400, 'MISSING_ARGUMENT', 'the request names no record');
  if (count <= most) return;
  throw new ApiError(
    400,
    'EXCEEDED_ID_LIMIT',
    `record limit reached. cannot submit more than ${most} records in this call`,
  );
};

export type Collection = { readonly allOrNone: boolean; readonly records: readonly RecordInput[] };
