import { type Static, type TProperties, type TSchema, type TSchemaOptions, Type } from 'typebox';

/** A string or null. OpenAPI 3.1 writes null as one of two types. */
export function NullableText(options: TSchemaOptions = {}) {
  return Type.Unsafe<string | null>({ type: ['string', 'null'], ...options });
}

export function NullableInteger(options: TSchemaOptions = {}) {
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...options });
}

/** A number of things. */
export function Count(description?: string) {
  return Type.Integer({ minimum: 0, ...(description !== undefined && { description }) });
}

/** An RFC 3339 time in UTC with milliseconds. */
export function Time(options: TSchemaOptions = {}) {
  return Type.String({ format: 'date-time', examples: ['2026-11-23T10:00:00.000Z'], ...options });
}

export function NullableTime(options: TSchemaOptions = {}) {
  return NullableText({ format: 'date-time', examples: ['2026-11-23T10:00:00.000Z'], ...options });
}

/** Formats a time as `Time` and `NullableTime` describe it. */
export function isoTime(time: Date): string;
export function isoTime(time: Date | null): string | null;
export function isoTime(time: Date | null): string | null {
  return time === null ? null : time.toISOString();
}

/** A value of the schema, or null. */
export function OrNull<T extends TSchema>(schema: T, options: TSchemaOptions = {}) {
  return Type.Unsafe<Static<T> | null>({ anyOf: [schema, { type: 'null' }], ...options });
}

/** An object in which every property is required, or null. */
export function NullableObject<T extends TProperties>(properties: T, description: string) {
  return Type.Unsafe<Static<ReturnType<typeof Type.Object<T>>> | null>({
    type: ['object', 'null'],
    required: Object.keys(properties),
    properties,
    description,
  });
}

/** An object that allows no other properties. */
export function StrictObject<T extends TProperties>(properties: T) {
  return Type.Object(properties, { additionalProperties: false });
}

/** One of the listed strings. */
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

/** Any JSON value, including null. */
export function AnyJson(options: TSchemaOptions = {}) {
  return Type.Unsafe<unknown>({ ...options });
}

/** A reference to a schema by its `$id`. The OpenAPI document contains the schema once, under that name. */
export function Named<T extends TSchema>(schema: T) {
  const id: unknown = '$id' in schema ? schema.$id : undefined;
  if (typeof id !== 'string') throw new Error('Only a schema with an $id can be referenced');
  return Type.Unsafe<Static<T>>({ $ref: `${id}#` });
}

/** Response headers of a list. */
export const linkHeader = { Link: Type.String({ description: 'The next page, if there is one.' }) };

/** A page of a list, as a response. */
export function ListOf<T extends TSchema>(schema: T) {
  return PageOf(schema, { description: 'One page.', headers: linkHeader });
}

/** A page of a list, as a body. */
export function PageOf<T extends TSchema>(schema: T, options: TSchemaOptions = {}) {
  return Type.Object({ data: Type.Array(Named(schema)), nextCursor: NextCursor }, options);
}

export const NextCursor = NullableText({
  description: 'Send it as `cursor` to get the next page; null on the last page.',
});
