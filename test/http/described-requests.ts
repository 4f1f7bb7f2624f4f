import fc from 'fast-check';
import type { Described, DescribedMedia, DescribedOperation } from './conformity.ts';
import { fitting, type KnownValues, nasty, nastyJson } from './described-values.ts';

export type Operation = DescribedOperation & {
  readonly method: string;
  readonly template: string;
  readonly id: string;
};

export type MadeRequest = {
  readonly operation: Operation;
  /** Path and query, encoded; perhaps badly. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** What was done to it that no operation may accept. */
  readonly spoiled: string | null;
};

export function operationsOf({ paths }: Described): Operation[] {
  return Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      template,
      id: operation.operationId ?? `${method} ${template}`,
    })),
  );
}

/** Requests to an operation as its description asks for them, with values that the API holds where it can. */
export function goodRequest(
  document: Described,
  operation: Operation,
  known: KnownValues,
): fc.Arbitrary<MadeRequest> {
  return request(document, operation, (name, schema) => {
    const held = known.get(keyOf(operation, name)) ?? [];
    const made = fitting(document, schema);
    if (held.length === 0) return made;
    return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...held) }, { weight: 1, arbitrary: made });
  });
}

/** Requests with something in them that may be wrong: one value, a parameter too many, a body that is none. */
export function oddRequest(
  document: Described,
  operation: Operation,
  known: KnownValues,
): fc.Arbitrary<MadeRequest> {
  const nastyValues = request(document, operation, (name, schema) =>
    fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom(...(known.get(keyOf(operation, name)) ?? ['1'])) },
      { weight: 2, arbitrary: fitting(document, schema) },
      { weight: 1, arbitrary: nasty },
    ),
  );
  return fc.oneof(
    { weight: 3, arbitrary: nastyValues },
    { weight: 2, arbitrary: goodRequest(document, operation, known).chain(spoil) },
  );
}

/** A path parameter is called by the collection it is in: ids of accounts are no ids of resyncs. */
export function keyOf({ template }: Pick<Operation, 'template'>, name: string): string {
  if (name === 'accountId') return '/v1/accounts';
  const collection = new RegExp(`^(.*)/\\{${name}\\}`).exec(template)?.[1];
  return collection ?? name;
}

type ValueMaker = (name: string, schema: DescribedParameter['schema']) => fc.Arbitrary<unknown>;
type DescribedParameter = NonNullable<DescribedOperation['parameters']>[number];

function request(document: Described, operation: Operation, make: ValueMaker): fc.Arbitrary<MadeRequest> {
  const { parameters = [], requestBody } = operation;
  const values = fc.record(
    Object.fromEntries(parameters.map(({ name, schema }) => [name, make(name, schema)])),
    // fast-check leaves out each of the others in every second case.
    {
      requiredKeys: parameters.flatMap((parameter) => (parameter.required === true ? [parameter.name] : [])),
    },
  );
  const few = fc.tuple(values, fc.nat({ max: 3 })).map(([all, most]) => keepSome(parameters, all, most));
  const [[type, media] = []] = Object.entries(requestBody?.content ?? {});
  const body = media === undefined ? fc.constant(undefined) : bodyOf(document, media);
  const left = requestBody?.required === true ? fc.constant(false) : fc.nat({ max: 2 }).map((n) => n === 0);
  return fc.tuple(few, body, left).map(([given, content, leftOut]) => {
    const sent = type === undefined || leftOut ? undefined : write(type, content);
    const headers = sent === undefined || type === undefined ? {} : { 'content-type': type };
    return {
      ...place(operation, given),
      body: sent,
      spoiled: null,
      headers: { ...headers, ...headersOf(operation, given) },
    };
  });
}

function bodyOf(document: Described, { schema, example, examples }: DescribedMedia): fc.Arbitrary<unknown> {
  const shown = [
    ...(example === undefined ? [] : [example]),
    ...Object.values(examples ?? {}).map(({ value }) => value),
  ];
  const made = fitting(document, schema);
  return shown.length === 0 ? made : fc.oneof(made, fc.constantFrom(...shown));
}

function keepSome(parameters: readonly DescribedParameter[], all: Values, most: number): Values {
  let left = most;
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => {
      const required = parameters.some((one) => one.name === name && one.required === true);
      return required || left-- > 0;
    }),
  );
}

function place(operation: Operation, given: Values): Pick<MadeRequest, 'operation' | 'url'> {
  let path = operation.template;
  const query: string[] = [];
  for (const { name, in: place } of operation.parameters ?? []) {
    if (!(name in given)) continue;
    const text = encode(String(given[name]));
    if (place === 'path') path = path.replace(`{${name}}`, text);
    if (place === 'query') query.push(`${encode(name)}=${text}`);
  }
  return { operation, url: query.length === 0 ? path : `${path}?${query.join('&')}` };
}

function headersOf({ parameters = [] }: Operation, given: Values): Record<string, string> {
  const sent = parameters.filter(({ name, in: place }) => place === 'header' && name in given);
  // What can't stand in a header never leaves a client.
  return Object.fromEntries(
    sent.map(({ name }) => [name, String(given[name]).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '')]),
  );
}

function encode(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function write(type: string, content: unknown): string {
  return /json/.test(type) || typeof content !== 'string' ? JSON.stringify(content) : content;
}

function spoil(good: MadeRequest): fc.Arbitrary<MadeRequest> {
  const { url, operation } = good;
  const join = url.includes('?') ? '&' : '?';
  const [repeated] = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query');
  const json = { 'content-type': 'application/json' };
  const withBody =
    operation.method === 'GET'
      ? []
      : [
          fc.constantFrom('{', '{"scope":', '"', 'undefined', '{"a":1}}', '\u0000').map((body) => ({
            ...good,
            body,
            headers: { ...good.headers, ...json },
            spoiled: 'a body that is no JSON',
          })),
          nastyJson.map((value) => ({
            ...good,
            body: JSON.stringify(value),
            headers: { ...good.headers, ...json },
          })),
          fc.tuple(nasty, nastyJson).map(([name, value]) => ({
            ...good,
            body: JSON.stringify({ ...parsed(good.body), [name]: value }),
            headers: { ...good.headers, ...json },
          })),
          fc
            .constantFrom(
              'text/plain',
              'application/xml',
              'multipart/form-data',
              'application/json; charset=utf-16',
              'x',
            )
            .map((type) => ({
              ...good,
              body: good.body ?? '{}',
              headers: { ...good.headers, 'content-type': type },
            })),
          fc.constant({ ...good, body: good.body ?? '{}', headers: { ...json, 'content-encoding': 'gzip' } }),
        ];
  return fc.oneof(
    fc.constant({ ...good, url: `${url}${join}nobodyKnowsThis=1`, spoiled: 'an unknown parameter' }),
    fc.constant({ ...good, url: `${url}${join}%zz=%ff` }),
    fc.constant({
      ...good,
      url: repeated === undefined ? url : `${url}${join}${repeated.name}=1&${repeated.name}=2`,
    }),
    fc.constant({ ...good, headers: { ...good.headers, accept: 'text/event-stream' } }),
    fc.constant({ ...good, headers: { ...good.headers, accept: 'image/png' } }),
    ...withBody,
  );
}

function parsed(body: string | undefined): object {
  try {
    const value: unknown = JSON.parse(body ?? '{}');
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  } catch {
    // What is sent as XML, or as any text, has no members to add to.
    return {};
  }
}

type Values = Readonly<Record<string, unknown>>;
