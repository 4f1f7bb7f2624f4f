import { ApiError } from './api-error.ts';
import { isObject } from './record-input.ts';

/** Parses the body of a composite request. Throws if it is invalid, or has more than 25 requests. */
export const readComposite = (body: unknown): CompositeRequest => {
  const list = isObject(body) ? body['compositeRequest'] : undefined;
  if (!isObject(body) || !Array.isArray(list) || list.length === 0) {
    throw new ApiError(400, 'JSON_PARSER_ERROR', 'the request needs an array compositeRequest');
  }
  if (list.length > MAX_SUBREQUESTS) {
    throw new ApiError(
      400,
      'LIMIT_EXCEEDED',
      `The composite request is limited to ${MAX_SUBREQUESTS} subrequests`,
    );
  }
  const subrequests = list.map(readSubrequest);
  if (new Set(subrequests.map(({ referenceId }) => referenceId)).size < subrequests.length) {
    throw new ApiError(400, 'JSON_PARSER_ERROR', 'each referenceId must be unique');
  }
  return { allOrNone: body['allOrNone'] === true, subrequests };
};

const readSubrequest = (json: unknown): Subrequest => {
  const { body, method, referenceId, url } = isObject(json) ? json : {};
  if (typeof method === 'string' && typeof url === 'string' && typeof referenceId === 'string') {
    return { method: method.toUpperCase(), url, referenceId, body };
  }
  throw new ApiError(400, 'JSON_PARSER_ERROR', 'a subrequest needs method, url and referenceId');
};

/** The request with each `@{reference.path}` replaced by the value in an earlier response. Throws if there is none. */
export const withReferences = (
  { body, url, ...rest }: Subrequest,
  bodies: ReadonlyMap<string, unknown>,
): Subrequest => ({
  ...rest,
  url: replaced(url, bodies, encodeURIComponent),
  body: body === undefined ? undefined : deepReplaced(body, bodies),
});

const deepReplaced = (json: unknown, bodies: ReadonlyMap<string, unknown>): unknown => {
  if (typeof json === 'string') return replaced(json, bodies, String);
  if (Array.isArray(json)) return json.map((item) => deepReplaced(item, bodies));
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).map(([name, item]) => [name, deepReplaced(item, bodies)]));
};

const replaced = (
  text: string,
  bodies: ReadonlyMap<string, unknown>,
  encode: (value: string) => string,
): string =>
  text.replace(/@\{(\w+)\.([^}]+)\}/g, (_whole, reference: string, path: string) => {
    let value = bodies.get(reference);
    for (const [step] of path.matchAll(/\w+/g)) value = Object(value)[step];
    if (value !== undefined && value !== null) return encode(String(value));
    const message = `Invalid reference specified. No value for ${reference}.${path} found in ${reference}`;
    throw new ApiError(400, 'PROCESSING_HALTED', message);
  });

const MAX_SUBREQUESTS = 25;

export type CompositeRequest = { readonly allOrNone: boolean; readonly subrequests: readonly Subrequest[] };

export type Subrequest = {
  readonly method: string;
  readonly url: string;
  readonly referenceId: string;
  readonly body: unknown;
};
