import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { SaveError } from '../org/model.ts';
import { QueryError } from './soql/query-error.ts';

/** An error of the REST API: a status and `[{"message","errorCode","fields"?}]`. */
export class ApiError extends Error {
  readonly status: number;
  readonly errorCode: string;
  readonly fields: readonly string[] | undefined;

  constructor(status: number, errorCode: string, message: string, fields?: readonly string[]) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.errorCode = errorCode;
    this.fields = fields;
  }
}

export const resourceNotFound = () => new ApiError(404, 'NOT_FOUND', 'The requested resource does not exist');

/** The error of a single row; collections return the same errors in their results. */
export const rowError = ([first]: readonly SaveError[]): ApiError => {
  if (!first) return new ApiError(500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred');
  const { statusCode, message, fields } = first;
  if (statusCode === 'INVALID_CROSS_REFERENCE_KEY' && fields.length === 0) return resourceNotFound();
  return new ApiError(notFoundCodes.has(statusCode) ? 404 : 400, statusCode, message, fields);
};

/** Fastify error handler of the REST API. */
export const sendApiError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => {
  const refusal = toApiError(error);
  if (refusal.status >= 500) request.log.error(error);
  return reply.code(refusal.status).send([errorJson(refusal)]);
};

export const errorJson = ({ errorCode, fields, message }: ApiError) => ({
  message,
  errorCode,
  ...(fields && { fields }),
});

/** Any error as one of the REST API. */
export const toApiError = (error: unknown): ApiError => {
  if (error instanceof ApiError) return error;
  if (error instanceof QueryError) return new ApiError(400, error.errorCode, error.message);
  const { message, statusCode } = Object(error);
  switch (statusCode) {
    case 400:
      return new ApiError(400, 'JSON_PARSER_ERROR', message);
    case 413:
      return new ApiError(413, 'REQUEST_TOO_LARGE', 'the request is too large');
    case 415:
      return new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', message);
    default:
      return new ApiError(500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred');
  }
};

const notFoundCodes = new Set(['NOT_FOUND', 'ENTITY_IS_DELETED']);
