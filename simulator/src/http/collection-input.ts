import type { SaveResult } from '../org/model.ts';
import { ApiError } from './api-error.ts';
import type { FieldIndex } from './field-index.ts';
import { isObject, type RecordInput, readRecord } from './record-input.ts';

/** Parses the body of a collections request. Throws if it is invalid, empty, or has more than 200 records. */
export const readCollection = (body: unknown, index: FieldIndex): Collection => {
  if (!isObject(body) || !Array.isArray(body['records'])) {
    throw new ApiError(400, 'JSON_PARSER_ERROR', 'the request needs an array of records');
  }
  assertCount(body['records'].length, 200);
  const records = body['records'].map((record) => readRecord(record, index));
  return { allOrNone: body['allOrNone'] === true || body['allOrNone'] === 'true', records };
};

/** Parses ids from a comma-separated list or an array. Throws if there are none or more than `max`. */
export const splitIds = (ids: unknown, max: number): string[] => {
  const list: unknown[] = typeof ids === 'string' ? ids.split(',') : Array.isArray(ids) ? ids : [];
  const texts = list.map((id) => String(id).trim()).filter((id) => id !== '');
  assertCount(texts.length, max);
  return texts;
};

/** The error of a record whose type is missing or not Account. */
export const refusedType = ({ type }: RecordInput): SaveResult | undefined => {
  if (type?.toLowerCase() === 'account') return undefined;
  const message = type === null ? 'The type is required' : `sObject type '${type}' is not supported.`;
  return {
    success: false,
    id: null,
    errors: [{ statusCode: type === null ? 'MISSING_ARGUMENT' : 'INVALID_TYPE', message, fields: [] }],
  };
};

const assertCount = (count: number, max: number): void => {
  if (count === 0) throw new ApiError(400, 'MISSING_ARGUMENT', 'the request contains no record');
  if (count <= max) return;
  throw new ApiError(
    400,
    'EXCEEDED_ID_LIMIT',
    `record limit reached. cannot submit more than ${max} records in this call`,
  );
};

export type Collection = { readonly allOrNone: boolean; readonly records: readonly RecordInput[] };
