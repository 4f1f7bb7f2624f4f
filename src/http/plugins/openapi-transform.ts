// Responses of a test with the simulator: RECORD_EXAMPLES=1 npx vitest run test/http/every-operation.pg.test.ts
import examples from '../examples.json' with { type: 'json' };

const recorded: Readonly<Record<string, unknown>> = examples;

/**
 * Applies what route schemas cannot express: moves problem responses to `components.responses`, makes nullable bodies
 * optional, moves headers from the schema of a media type to the response, adds recorded responses as examples, and omits
 * what generators of clients cannot express. Modifies the document.
 */
export function transformDocument<T extends object>(document: T): T {
  const shared = new Map<string, unknown>();
  for (const operation of operationsOf(document)) {
    moveHeaders(operation);
    shareProblems(operation, shared);
    makeNullableBodyOptional(operation);
    setDeepObjectStyle(operation);
    omitEqualNames(operation);
    omitAlternatives(operation);
    addExamples(operation);
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

function moveHeaders(operation: Members): void {
  for (const response of Object.values(member(operation, 'responses') ?? {}).filter(isMembers)) {
    for (const media of Object.values(member(response, 'content') ?? {}).filter(isMembers)) {
      const schema = member(media, 'schema');
      const headers = schema && member(schema, 'headers');
      if (schema === undefined || headers === undefined) continue;
      delete schema['headers'];
      const moved = Object.entries(headers).map(([name, header]) => [name, toHeaderObject(header)]);
      response['headers'] = { ...member(response, 'headers'), ...Object.fromEntries(moved) };
    }
  }
}

function toHeaderObject(header: unknown): Members {
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

// `NotFound` for the kind `not-found`; the names of several kinds are joined with `Or`.
function problemName(response: unknown): string | undefined {
  const content = isMembers(response) ? member(response, 'content') : undefined;
  // A response with several media types stays with its operation.
  if (content === undefined || Object.keys(content).length > 1) return undefined;
  const media = member(content, 'application/problem+json');
  const examples = media && member(media, 'examples');
  return examples && Object.keys(examples).map(pascalCase).join('Or');
}

function pascalCase(kind: string): string {
  return kind.replaceAll(/(?:^|-)([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function makeNullableBodyOptional(operation: Members): void {
  const body = member(operation, 'requestBody');
  if (body === undefined) return;
  const media = Object.values(member(body, 'content') ?? {}).filter(isMembers);
  const nullable = media.some(({ schema }) => isMembers(schema) && String(schema['type']).includes('null'));
  if (nullable) body['required'] = false;
}

// An object parameter is written `name[key]=value`.
function setDeepObjectStyle(operation: Members): void {
  const parameters: unknown = operation['parameters'];
  for (const parameter of Array.isArray(parameters) ? parameters.filter(isMembers) : []) {
    if (member(parameter, 'schema')?.['type'] !== 'object') continue;
    // Without an example Swagger UI invents property names.
    Object.assign(parameter, { style: 'deepObject', explode: true, example: {} });
  }
}

// In generated code, `lastEventId` and the header `last-event-id` would be two members of one name.
function omitEqualNames(operation: Members): void {
  const { parameters } = operation;
  if (!Array.isArray(parameters)) return;
  const names = parameters.filter(isMembers).map(({ name }) => plainName(name));
  operation['parameters'] = parameters.filter(
    (parameter) =>
      parameter.in !== 'header' ||
      names.indexOf(plainName(parameter.name)) === names.lastIndexOf(plainName(parameter.name)),
  );
}

function plainName(name: unknown): string {
  return String(name)
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .toLowerCase();
}

// Generators type a response as the union of its media types: a page or a text. The description names the other ones.
function omitAlternatives(operation: Members): void {
  for (const [status, response] of Object.entries(member(operation, 'responses') ?? {})) {
    const content = isMembers(response) ? member(response, 'content') : undefined;
    if (content === undefined || !status.startsWith('2') || content['application/json'] === undefined)
      continue;
    for (const type of Object.keys(content)) if (type !== 'application/json') delete content[type];
  }
}

function addExamples(operation: Members): void {
  for (const [status, response] of Object.entries(member(operation, 'responses') ?? {})) {
    const content = isMembers(response) ? member(response, 'content') : undefined;
    const media = content && member(content, 'application/json');
    const example = recorded[`${operation['operationId']} ${status}`];
    if (media !== undefined && example !== undefined) media['example'] = example;
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
