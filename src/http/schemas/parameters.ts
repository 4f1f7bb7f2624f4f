import { type TSchemaOptions, Type } from 'typebox';

// Optional parameters have no examples: Swagger UI would fill them in and send them.

// No parameter may hold U+0000: PostgreSQL keeps no such text.
const printable = '^[^\\u0000]*$';

/** A text to compare with; bounded, never empty. */
export function Text(description: string) {
  return Type.String({ minLength: 1, maxLength: 255, pattern: printable, description });
}

export function MomentParameter(description: string) {
  return Type.String({
    format: 'date-time',
    maxLength: 40,
    description: `${description} A time with its offset, such as \`2026-11-23T10:00:00Z\`.`,
  });
}

export function RecordId(options: TSchemaOptions = {}) {
  return Type.String({
    pattern: '^[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?$',
    maxLength: 18,
    description: 'A Salesforce record id of 15 or 18 characters.',
    ...options,
  });
}

export const AccountPath = Type.Object(
  { id: RecordId({ examples: ['001al00000K3N1wAAF'] }) },
  { additionalProperties: false },
);

export const ResyncPath = Type.Object(
  { id: Type.String({ format: 'uuid', maxLength: 36, description: 'Id of the resync.' }) },
  { additionalProperties: false },
);

/** The parameters that every list takes. */
export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Rows of a page at most.' }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2048,
      pattern: '^[A-Za-z0-9_-]+$',
      description:
        'The `nextCursor` of the page before. All other parameters but `limit` must stay as they were.',
    }),
  ),
};

export const defaultLimit = 50;

export const IfNoneMatch = Type.Optional(
  Type.String({ maxLength: 1024, description: 'An `ETag` got before, several of them, or `*`.' }),
);

/** For operations that take no parameter. */
export const NoParameters = Type.Object({}, { additionalProperties: false });

/** Nothing, or an empty object: many clients send one with every POST. */
export const NoBody = Type.Unsafe<Record<never, never> | null>({
  type: ['object', 'null'],
  properties: {},
  additionalProperties: false,
});
