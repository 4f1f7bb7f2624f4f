/**
 * Says in OpenAPI what route schemas can't: a problem that many operations answer stands once, under
 * `components.responses`, a body that may be null may be left out, and the headers that a schema of one of several
 * media types names are those of the answer. Changes the document it is given.
 */
export function tidyDescription<T extends object>(document: T): T {
  const shared = new Map<string, unknown>();
  for (const operation of operationsOf(document)) {
    liftHeaders(operation);
    shareProblems(operation, shared);
    relaxBody(operation);
    styleObjects(operation);
  }
  const components = member(document, 'components');
  if (components !== undefined) components['responses'] = Object.fromEntries([...shared].sort());
  return document;
}

function operationsOf(document: object): Members[] {
  return Object.values(member(document, 'paths') ?? {})
    .filter(isMembers)
    .flatMap((item) => Object.values(item).filter(isMembers));
}

function liftHeaders(operation: Members): void {
  for (const response of Object.values(member(operation, 'responses') ?? {}).filter(isMembers)) {
    for (const media of Object.values(member(response, 'content') ?? {}).filter(isMembers)) {
      const schema = member(media, 'schema');
      const headers = schema && member(schema, 'headers');
      if (schema === undefined || headers === undefined) continue;
      delete schema['headers'];
      const lifted = Object.entries(headers).map(([name, header]) => [name, describedHeader(header)]);
      response['headers'] = { ...member(response, 'headers'), ...Object.fromEntries(lifted) };
    }
  }
}

function describedHeader(header: unknown): Members {
  const { description, ...schema } = isMembers(header) ? header : {};
  return description === undefined ? { schema } : { schema, description };
}

function shareProblems(operation: Members, shared: Map<string, unknown>): void {
  const responses = member(operation, 'responses') ?? {};
  for (const [status, response] of Object.entries(responses)) {
    const name = problemName(response);
    if (name === undefined) continue;
    shared.set(name, response);
    responses[status] = { $ref: `#/components/responses/${name}` };
  }
}

// The examples of `not-found` make it `NotFound`; those of two kinds make it one with `Or` in between.
function problemName(response: unknown): string | undefined {
  const content = isMembers(response) ? member(response, 'content') : undefined;
  // What is answered in another form as well stands with its operation.
  if (content === undefined || Object.keys(content).length > 1) return undefined;
  const media = member(content, 'application/problem+json');
  const examples = media && member(media, 'examples');
  return examples && Object.keys(examples).map(pascalCase).join('Or');
}

function pascalCase(kind: string): string {
  return kind.replaceAll(/(?:^|-)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function relaxBody(operation: Members): void {
  const body = member(operation, 'requestBody');
  if (body === undefined) return;
  const media = Object.values(member(body, 'content') ?? {}).filter(isMembers);
  const nullable = media.some(({ schema }) => isMembers(schema) && String(schema['type']).includes('null'));
  if (nullable) body['required'] = false;
}

// A parameter of several values by name is written `name[key]=value`.
function styleObjects(operation: Members): void {
  const parameters: unknown = operation['parameters'];
  for (const parameter of Array.isArray(parameters) ? parameters.filter(isMembers) : []) {
    if (member(parameter, 'schema')?.['type'] !== 'object') continue;
    // Without an example, a page that tries operations makes names up.
    Object.assign(parameter, { style: 'deepObject', explode: true, example: {} });
  }
}

function member(parent: object, name: string): Members | undefined {
  const value: unknown = Reflect.get(parent, name);
  return isMembers(value) ? value : undefined;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Members = Record<string, unknown>;
