import avsc, { type Type } from 'avsc';
import type { ChangeType, EventBody } from './change-event.ts';

/** Encodes change events under one writer schema: raw Avro binary, no container, no fingerprint. */
export function createEventEncoder(
  schemaJson: string,
): (header: ChangeEventHeader, body: EventBody) => Buffer {
  const type = avsc.Type.forSchema(JSON.parse(schemaJson), {
    registry: { long: bigintLong() },
    wrapUnions: 'never',
    omitRecordMethods: true,
  });
  return (header, body) => type.toBuffer({ ChangeEventHeader: header, ...body });
}

/** Avro's long as a bigint, because a commit number exceeds the precision of a double. */
export function bigintLong(): Type {
  return avsc.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer(value: bigint) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  });
}

export type ChangeEventHeader = {
  readonly entityName: string;
  readonly recordIds: readonly string[];
  readonly changeType: ChangeType;
  readonly changeOrigin: string;
  /** A UUID, the same for all events of a transaction. */
  readonly transactionKey: string;
  /** From 1 within the transaction. */
  readonly sequenceNumber: number;
  /** Epoch milliseconds in whole seconds. */
  readonly commitTimestamp: bigint;
  readonly commitNumber: bigint;
  readonly commitUser: string;
  readonly nulledFields: readonly string[];
  readonly diffFields: readonly string[];
  readonly changedFields: readonly string[];
};
