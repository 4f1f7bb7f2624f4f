import { Compile } from 'typebox/schema';

/** What the OpenAPI document says of one answer: its media type and whether the body fits. */
export function describedProblems(document: Described, answer: Answer): string[] {
  const path = templateOf(document, answer.path);
  const operation = path === undefined ? undefined : document.paths[path]?.[answer.method.toLowerCase()];
  if (operation === undefined) return [];
  const response = resolve(document, operation.responses?.[String(answer.status)]);
  if (response === undefined) return [`${answer.method} ${path} answers an undescribed ${answer.status}`];
  if (response.content === undefined) return [];
  const media = response.content[answer.type];
  if (media === undefined) return [`${answer.method} ${path} answers an undescribed type ${answer.type}`];
  const [, errors] = validatorOf(document, media.schema).Errors(answer.body);
  return errors.map((error) => `${error.instancePath} ${error.message}`);
}

/** The path as it is described; one that is written out goes before one with parameters, as in the router. */
export function templateOf({ paths }: Described, path: string): string | undefined {
  return path in paths ? path : Object.keys(paths).find((template) => matches(template, path));
}

const validators = new WeakMap<DescribedSchema, ReturnType<typeof compile>>();
const compile = (document: Described, schema: DescribedSchema) =>
  Compile({ ...schema, components: document.components });

function validatorOf(document: Described, schema: DescribedSchema) {
  const validator = validators.get(schema) ?? compile(document, schema);
  validators.set(schema, validator);
  return validator;
}

function matches(template: string, path: string): boolean {
  return new RegExp(`^${template.replaceAll(/\{[^}]+\}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(path);
}

function resolve(
  document: Described,
  response: DescribedResponse | undefined,
): DescribedResponse | undefined {
  const name = response?.$ref?.split('/').at(-1);
  return name === undefined ? response : document.components.responses[name];
}

export type Answer = {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
};

/** The parts of an OpenAPI document that the tests look at. */
export type Described = {
  readonly openapi: string;
  readonly info: object;
  readonly externalDocs: { readonly url: string };
  readonly tags: readonly { readonly name: string; readonly externalDocs?: { readonly url: string } }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, DescribedSchema>>;
    readonly responses: Readonly<Record<string, DescribedResponse>>;
  };
};

export type DescribedOperation = {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly 'x-required-scope'?: string;
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Readonly<Record<string, DescribedMedia>>;
  };
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: DescribedSchema;
  }[];
  readonly responses?: Readonly<Record<string, DescribedResponse>>;
};

export type DescribedMedia = {
  readonly schema: DescribedSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
};

export type DescribedResponse = {
  readonly $ref?: string;
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema: DescribedSchema }>>;
};

export type DescribedSchema = { readonly [keyword: string]: unknown };
