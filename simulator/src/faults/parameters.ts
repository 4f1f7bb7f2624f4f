import { status } from '@grpc/grpc-js';
import { Type } from 'typebox';
import { ERROR_CODES } from '../pubsub/error-codes.ts';

/** Parameters that several faults take. */
export const closed = { additionalProperties: false };

export const delayMs = Type.Integer({ minimum: 0, maximum: 3_600_000, description: 'milliseconds' });

/** Codes that Salesforce does not document are taken too, to see what a client makes of them. */
export const errorCode = Type.String({
  pattern: '^[a-z]+(\\.[a-z]+)+$',
  description: `without the prefix sfdc.platform.eventbus.grpc.: ${Object.keys(ERROR_CODES).join(', ')}`,
});

export const statusName = Type.Enum(
  Object.keys(status).filter((name) => /^[A-Z_]+$/.test(name) && name !== 'OK'),
  { description: 'gRPC status in place of the one that belongs to the error code' },
);
