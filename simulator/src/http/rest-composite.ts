import type { FastifyInstance } from 'fastify';
import { ApiError, errorJson, resourceNotFound, toApiError } from './api-error.ts';
import { type CompositeRequest, readComposite, type Subrequest, withReferences } from './composite-input.ts';
import type { HttpContext } from './http-context.ts';
import { readByExternalId, upsertRow } from './rest-external-id.ts';
import { firstPage } from './rest-query.ts';
import {
  createRow,
  deleteRow,
  type RowResponse,
  type RowScope,
  readRow,
  rowScope,
  updateRow,
} from './rest-rows.ts';

/**
 * `composite`: up to 25 requests for rows and queries in order, which may refer to the responses of earlier ones.
 * With `allOrNone` they are one transaction, and one failure undoes all.
 */
export const compositeRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  app.post('/composite', async (request) => {
    const { allOrNone, subrequests } = readComposite(request.body);
    const scope = rowScope(context.org, request);
    if (!allOrNone) return { compositeResponse: executeAll(subrequests, scope, context) };
    return context.org.transaction(scope.caller, (tx) => {
      const org = {
        ...context.org,
        transaction: <T>(_caller: unknown, work: (open: typeof tx) => T) => work(tx),
      };
      const responses = executeAll(subrequests, { ...scope, org }, { ...context, org });
      if (responses.every(({ httpStatusCode }) => httpStatusCode < 400))
        return { compositeResponse: responses };
      tx.rollback();
      return { compositeResponse: responses.map(halted) };
    });
  });
};

const executeAll = (
  subrequests: CompositeRequest['subrequests'],
  scope: RowScope,
  context: HttpContext,
): SubResponse[] => {
  const bodies = new Map<string, unknown>();
  return subrequests.map((subrequest) => {
    const {
      body,
      headers = {},
      status,
    } = attempt(() => execute(withReferences(subrequest, bodies), scope, context));
    if (status < 400) bodies.set(subrequest.referenceId, body);
    const { referenceId } = subrequest;
    return { body: body ?? null, httpHeaders: headers, httpStatusCode: status, referenceId };
  });
};

const attempt = (work: () => RowResponse): RowResponse => {
  try {
    return work();
  } catch (error) {
    const refusal = toApiError(error);
    return { status: refusal.status, body: [errorJson(refusal)] };
  }
};

const execute = ({ body, method, url }: Subrequest, scope: RowScope, context: HttpContext): RowResponse => {
  const { pathname, searchParams } = new URL(url, 'http://org');
  if (!pathname.startsWith(`${scope.base}/`)) throw resourceNotFound();
  const [resource, type, key, value] = pathname
    .slice(scope.base.length + 1)
    .split('/')
    .map(decodeURIComponent);
  const fields = searchParams.get('fields') ?? undefined;
  if (resource === 'query' && type === undefined && method === 'GET') {
    const page = { text: searchParams.get('q') ?? '', includeDeleted: false, base: scope.base };
    return { status: 200, body: firstPage(page, context) };
  }
  if (resource !== 'sobjects' || type?.toLowerCase() !== 'account') throw resourceNotFound();
  const kind = [
    method,
    ...(key === undefined ? [] : ['key']),
    ...(value === undefined ? [] : ['value']),
  ].join(' ');
  switch (kind) {
    case 'POST':
      return createRow(scope, body);
    case 'GET key':
      return readRow(scope, key ?? '', fields);
    case 'PATCH key':
      return updateRow(scope, key ?? '', body);
    case 'DELETE key':
      return deleteRow(scope, key ?? '');
    case 'GET key value':
      return readByExternalId(scope, { field: key ?? '', value: value ?? '' }, fields);
    case 'PATCH key value':
      return upsertRow(scope, { field: key ?? '', value: value ?? '' }, body);
    default:
      throw new ApiError(405, 'METHOD_NOT_ALLOWED', `HTTP Method '${method}' not allowed`);
  }
};

/** The response of a request that was undone because another one failed. */
const halted = (response: SubResponse): SubResponse =>
  response.httpStatusCode >= 400
    ? response
    : {
        referenceId: response.referenceId,
        body: [
          {
            errorCode: 'PROCESSING_HALTED',
            message:
              'The transaction was rolled back since another operation in the same transaction failed.',
          },
        ],
        httpHeaders: {},
        httpStatusCode: 400,
      };

type SubResponse = {
  readonly body: unknown;
  readonly httpHeaders: Readonly<Record<string, string>>;
  readonly httpStatusCode: number;
  readonly referenceId: string;
};
