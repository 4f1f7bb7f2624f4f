import type { FastifySchemaCompiler, FastifySchemaValidationError } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { Settings } from 'typebox/system';
import type { FieldError } from '../problem.ts';

// One unknown parameter is two errors for the validator, and it stops after eight by default.
Settings.Set({ maxErrors: 1_000 });

/**
 * Compiles the schema of one part of a request. Strings are converted to numbers and booleans only in the path, query and
 * headers, and only if they have the exact form: `1.5` and `0x10` are not integers. Unknown members are not removed and
 * defaults are not inserted.
 */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = validatorOf(schema);
  const types = propertyTypes(schema);
  const hasConvertible =
    httpPart !== 'body' && [...types.values()].some((type) => convertibleTypes.has(type));
  return (value: unknown) => {
    const input = hasConvertible ? convertStrings(types, value) : value;
    return validator.Check(input) ? { value: input } : { error: validator.Errors(input) };
  };
};

const convertibleTypes: ReadonlySet<unknown> = new Set(['integer', 'boolean']);

// Many routes share the same schemas.
const validators = new Map<string, ReturnType<typeof Compile<TSchema>>>();

function validatorOf(schema: TSchema): ReturnType<typeof Compile<TSchema>> {
  const key = JSON.stringify(schema);
  const validator = validators.get(key) ?? Compile(schema);
  validators.set(key, validator);
  return validator;
}

/** Converts validation errors to the names of parameters or fields and messages. */
export function toFieldErrors(
  errors: readonly FastifySchemaValidationError[],
  part: string | undefined,
): FieldError[] {
  const found = new Map<string, FieldError>();
  for (const error of errors) {
    for (const fieldError of toFieldError(error, part)) {
      if (!found.has(fieldError.field)) found.set(fieldError.field, fieldError);
    }
  }
  return [...found.values()];
}

function toFieldError(error: FastifySchemaValidationError, part: string | undefined): FieldError[] {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const message = messageOf(error);
  const noun = part === 'querystring' ? 'parameter' : 'field';
  switch (error.keyword) {
    case 'boolean':
      return [];
    case 'additionalProperties':
      return names(error.params['additionalProperties']).map((name) => ({
        field: join(path, name),
        message: `is not a known ${noun}`,
      }));
    case 'required':
      return names(error.params['requiredProperties']).map((name) => ({
        field: join(path, name),
        message: 'is missing',
      }));
    default:
      return [{ field: path === '' ? (part ?? 'body') : path, message }];
  }
}

function messageOf({ keyword, params, message }: FastifySchemaValidationError): string {
  switch (keyword) {
    case 'type':
      return `must be ${names(params['type']).map(withArticle).join(' or ')}, given only once`;
    case 'minimum':
      return `must be at least ${String(params['limit'])}`;
    case 'maximum':
      return `must be at most ${String(params['limit'])}`;
    case 'minLength':
      return 'must not be empty';
    case 'maxLength':
      return `must not be longer than ${String(params['limit'])} characters`;
    case 'minItems':
      return 'must not be empty';
    case 'maxItems':
      return `must not have more than ${String(params['limit'])} entries`;
    case 'enum':
      return `must be one of ${names(params['allowedValues']).join(', ')}`;
    case 'format':
      return formatMessages[String(params['format'])] ?? `must be a ${String(params['format'])}`;
    case 'pattern':
      return 'does not match the documented format';
    default:
      return message ?? 'is not valid';
  }
}

const formatMessages: Readonly<Record<string, string>> = {
  'date-time': 'must be a date and time with an offset, such as 2026-11-23T10:00:00Z',
  uuid: 'must be a UUID',
};

function withArticle(type: string): string {
  if (type === 'null') return type;
  return /^[aio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function names(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [String(value)];
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function propertyTypes(schema: TSchema): ReadonlyMap<string, unknown> {
  const properties: unknown = 'properties' in schema ? schema.properties : undefined;
  if (typeof properties !== 'object' || properties === null) return new Map();
  return new Map(
    Object.entries(properties).map(([name, property]: [string, { type?: unknown }]) => [name, property.type]),
  );
}

function convertStrings(types: ReadonlyMap<string, unknown>, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, text]) => [name, convertString(types.get(name), text)]),
  );
}

function convertString(type: unknown, text: unknown): unknown {
  if (typeof text !== 'string') return text;
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}
