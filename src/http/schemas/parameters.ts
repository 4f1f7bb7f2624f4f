import { type TSchemaOptions, Type } from 'typebox';
import { StrictObject } from './values.ts';

// Optional parameters have no examples: Swagger UI would fill them in and send them.

// PostgreSQL cannot store U+0000.
const printable = '^[^\\u0000]*$';

/** A non-empty string of limited length. */
export function Text(description: string, options: TSchemaOptions = {}) {
  return Type.String({ minLength: 1, maxLength: 255, pattern: printable, description, ...options });
}

export function TimeParameter(description: string) {
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

export const AccountPath = StrictObject({ id: RecordId({ examples: ['001al00000K3N1wAAF'] }) });

export const ResyncPath = StrictObject({
  id: Type.String({ format: 'uuid', maxLength: 36, description: 'Id of the resync.' }),
});

export const EventPath = StrictObject({
  id: Type.String({
    pattern: '^(?:[0-9]{1,19}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})$',
    maxLength: 36,
    description:
      'The number of the event in the log, or the UUID that Salesforce assigned (if several events share one, the earliest).',
    examples: ['48213'],
  }),
});

/** Parameters of every list. */
export const pageParameters = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: 'Maximum number of rows per page.' }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 2048,
      pattern: '^[A-Za-z0-9_-]+$',
      description:
        'The `nextCursor` of the previous page. All other parameters except `limit` must stay the same.',
    }),
  ),
};

export const defaultLimit = 50;

export const IfNoneMatch = Type.Optional(
  Type.String({ maxLength: 1024, description: 'One or more values of `ETag`, or `*`.' }),
);

/** For operations without parameters. */
export const NoParameters = StrictObject({});

/** No body or an empty object: many clients send one with every POST. */
export const NoBody = Type.Unsafe<Record<never, never> | null>({
  type: ['object', 'null'],
  properties: {},
  additionalProperties: false,
});
