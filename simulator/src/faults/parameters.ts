import { status } from '@grpc/grpc-js';
import { type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';
import { ERROR_CODES } from '../pubsub/failures.ts';

/** Parameters that several faults take. */
export const delayMs = Type.Integer({ minimum: 0, maximum: 3_600_000, description: 'milliseconds' });

export const client = Type.Optional(
  Type.String({ minLength: 1, description: 'only requests of the client with this name' }),
);

export const recordIds = Type.Optional(
  Type.Array(Type.String({ minLength: 18, maxLength: 18 }), {
    minItems: 1,
    description: 'only these records',
  }),
);

/** Undocumented codes are allowed, to test how a client handles them. */
export const errorCode = Type.String({
  pattern: '^[a-z]+(\\.[a-z]+)+$',
  description: `without the prefix sfdc.platform.eventbus.grpc.: ${Object.keys(ERROR_CODES).join(', ')}`,
});

export const statusName = Type.Enum(
  Object.keys(status).filter((name) => /^[A-Z_]+$/.test(name) && name !== 'OK'),
  { description: 'gRPC status, by default that of the error code' },
);

/** How often a fault strikes. */
export const frequency = {
  times: Type.Optional(Type.Integer({ minimum: 1, description: 'number of strikes; unlimited by default' })),
  probability: Type.Optional(
    Type.Number({ minimum: 0, maximum: 1, description: 'share of the occasions on which it strikes' }),
  ),
  seed: Type.Optional(Type.Integer({ description: 'equal seeds strike on equal occasions' })),
};

/** Invalid parameters of a fault, or an unknown fault. The message names the parameter. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  readonly statusCode: number;

  constructor(message: string, statusCode = 400) {
    super(message);
    this.statusCode = statusCode;
  }
}

/** The error for the first invalid parameter, with the reason. */
export function parameterError(schema: TSchema, parameters: unknown): FaultError {
  for (const { instancePath, keyword, message, params } of Value.Errors(schema, parameters)) {
    if (keyword === 'boolean') continue;
    const names = new Set([instancePath.slice(1).replaceAll('/', '.')]);
    if (keyword === 'required') names.add(params.requiredProperties.join(', '));
    if (keyword === 'additionalProperties') names.add(params.additionalProperties.join(', '));
    const allowed = keyword === 'enum' ? `: ${params.allowedValues.join(', ')}` : '';
    const place = [...names].filter((name) => name !== '').join('.');
    return new FaultError(`${place === '' ? 'the parameters' : place} ${message}${allowed}`);
  }
  return new FaultError('the parameters are invalid');
}
