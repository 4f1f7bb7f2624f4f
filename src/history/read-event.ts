import { decodeStored, type Stored } from '../apply/decode-stored.ts';
import { type FieldTree, toTree } from '../apply/field-tree.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';

/** A stored event for JSON, or why it cannot be decoded. */
export type ReadEvent =
  | { readonly ok: true; readonly header: ReadHeader; readonly fields: FieldTree }
  | { readonly ok: false; readonly error: string };

/** The header with times and large numbers as text. */
export type ReadHeader = Omit<ChangeEventHeader, 'commitTimestamp' | 'commitNumber'> & {
  /** ISO 8601. */
  readonly commitTimestamp: string;
  /** Decimal; beyond 2^53. */
  readonly commitNumber: string;
};

/** Decodes a stored event, which is saved as bytes only. */
export async function readEvent(schemas: SchemaCache, stored: Stored): Promise<ReadEvent> {
  try {
    const { header, values } = await decodeStored(stored, schemas);
    const commitTimestamp = new Date(header.commitTimestamp).toISOString();
    const commitNumber = header.commitNumber.toString();
    return { ok: true, header: { ...header, commitTimestamp, commitNumber }, fields: toTree(values) };
  } catch (error) {
    return { ok: false, error: (error as Error).message };
  }
}
