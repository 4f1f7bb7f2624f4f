/** Decoded change events: field names instead of bitmaps, ISO text instead of epoch numbers. */

export const changeTypes = [
  'CREATE',
  'UPDATE',
  'DELETE',
  'UNDELETE',
  'GAP_CREATE',
  'GAP_UPDATE',
  'GAP_DELETE',
  'GAP_UNDELETE',
  'GAP_OVERFLOW',
  'SNAPSHOT',
] as const;

export type ChangeType = (typeof changeTypes)[number];

/** A single value. Dates are ISO 8601 text: `2026-11-23`, `2026-11-23T08:00:00.000Z`, `08:00:00.000Z`. */
export type Scalar = string | number | boolean | null;

/**
 * Values by field path: `Industry` for a plain field, `BillingAddress.City` for a part of a compound one.
 * Null is a value: the field is empty.
 */
export type FieldValues = ReadonlyMap<string, Scalar>;

/** Source: "Change Event Header Fields" in the Change Data Capture Developer Guide. */
export type ChangeEventHeader = {
  readonly entityName: string;
  /** 18-character ids; several when equal changes were merged; `001*` for a whole object. */
  readonly recordIds: readonly string[];
  readonly changeType: ChangeType;
  readonly changeOrigin: string;
  readonly transactionKey: string;
  /** From 1 within the transaction; changes of other objects take numbers too. */
  readonly sequenceNumber: number;
  /** Epoch milliseconds, in practice whole seconds. */
  readonly commitTimestamp: number;
  /** Beyond 2^53 on some instances. */
  readonly commitNumber: bigint;
  readonly commitUser: string;
  /** Field paths. Empty unless the change is an UPDATE. */
  readonly changedFields: readonly string[];
  readonly nulledFields: readonly string[];
  /** Fields whose value was sent as a text diff. */
  readonly diffFields: readonly string[];
};

export type ChangeEvent = {
  readonly header: ChangeEventHeader;
  /**
   * UPDATE: the changed fields, without those sent as a diff. CREATE and UNDELETE: every field of the schema. Empty for
   * other types.
   */
  readonly values: FieldValues;
  /**
   * Paths that an UPDATE changed, or may have changed, without their value: sent as a diff, withheld, or implied by another
   * field. Their values have to be read.
   */
  readonly missing: readonly string[];
};
