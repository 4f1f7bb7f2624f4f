import { type Static, type TSchema, type TSchemaOptions, Type } from 'typebox';

/** A text or null; OpenAPI 3.1 says null as one of two types. */
export function NullableText(options: TSchemaOptions = {}) {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });
}

export function NullableInteger(options: TSchemaOptions = {}) {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options });
}

/** An RFC 3339 time in UTC with milliseconds. */
export function Time(options: TSchemaOptions = {}) {
  return Type.String({ format: 'date-time', examples: ['2026-11-23T10:00:00.000Z'], ...options });
}

export function NullableTime(options: TSchemaOptions = {}) {
  return NullableText({ format: 'date-time', examples: ['2026-11-23T10:00:00.000Z'], ...options });
}

/** What the schema says, or null. */
export function OrNull<T extends TSchema>(schema: T, options: TSchemaOptions = {}) {
  return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: 'null' }], ...options });
}

/** One of a few texts. */
export function OneOf<const T extends readonly string[]>(values: T, options: TSchemaOptions = {}) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...options });
}

/** Any JSON object. */
export function JsonObject(options: TSchemaOptions = {}) {
  return Type.Unsafe<Readonly<Record<string, unknown>>>({
    type: 'object',
    additionalProperties: true,
    ...options,
  });
}

/** Any JSON value, null included. */
export function AnyJson(options: TSchemaOptions = {}) {
  return Type.Unsafe<unknown>({ ...options });
}

/** A reference to a schema that has an `$id`; the description of the API shows it once, by that name. */
export function Named<T extends TSchema>(schema: T) {
  const id: unknown = '$id' in schema ? schema.$id : undefined;
  if (typeof id !== 'string') throw new Error('Only a schema with an $id can be referred to');
  return Type.Unsafe<Static<T>>({ $ref: `${id}#` });
}

/** A page of a list, as an answer. */
export function ListOf<T extends TSchema>(schema: T) {
  return PageOf(schema, {
    description: 'One page.',
    headers: { Link: Type.String({ description: 'The next page, if there is one.' }) },
  });
}

/** A page of a list, as a body. */
export function PageOf<T extends TSchema>(schema: T, options: TSchemaOptions = {}) {
  return Type.Object(
    {
      data: Type.Array(Named(schema)),
      nextCursor: NullableText({
        description: 'Send it as `cursor` for the next page; null on the last one.',
      }),
    },
    options,
  );
}
