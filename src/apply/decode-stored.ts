import type { ChangeEvent } from '../salesforce/change-event.ts';
import { decodeChangeEvent } from '../salesforce/decode.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { parseExactJson } from '../salesforce/exact-json.ts';
import { decodeJsonChangeEvent, parseJsonEvent } from '../salesforce/json-change-event.ts';
import { parseNotice, toGapEvent } from '../salesforce/outbound-message.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import type { WriterSchema } from '../salesforce/writer-schema.ts';

/** The columns of a stored event that decoding needs. */
export type Stored = { readonly schemaId: string; readonly payload: Uint8Array };

/** A decoded event, or the reason why it cannot be decoded. */
export type Decoded = {
  readonly id: bigint;
  readonly event: ChangeEvent | null;
  readonly error: string | null;
  readonly transactionKey: string | null;
};

/** Prefix of the schema id of JSON events; the rest is the id of the Avro schema with the field types. */
export const jsonSchemaPrefix = 'json:';
/** Schema id of notifications from outbound messages. */
export const noticeSchemaId = 'outbound-message';

/**
 * Decodes a stored event of any format: Avro, JSON or outbound message.
 * @throws if the payload does not match its schema, and the errors of the schema cache
 */
export async function decodeStored(stored: Stored, schemas: SchemaCache): Promise<ChangeEvent> {
  return (await decoderOf(stored.schemaId, schemas))(bytesOf(stored.payload));
}

async function decoderOf(schemaId: string, schemas: SchemaCache): Promise<(payload: Buffer) => ChangeEvent> {
  if (schemaId === noticeSchemaId) return (payload) => toGapEvent(parseNotice(payload.toString()));
  if (schemaId.startsWith(jsonSchemaPrefix)) {
    const { entityFields } = await schemas.get(schemaId.slice(jsonSchemaPrefix.length));
    return (payload) => {
      const event = parseJsonEvent(parseExactJson(payload.toString()));
      return decodeJsonChangeEvent(event, event.header.entityName === 'Account' ? entityFields : []);
    };
  }
  const schema: WriterSchema = await schemas.get(schemaId);
  return (payload) => decodeChangeEvent(payload, schema);
}

// Permanent errors: the schema of an id never changes.
const unusableSchema: ReadonlySet<string> = new Set(['schema.unusable', 'schema.validation.failed']);

/**
 * Decodes a stored event; an error of its payload or schema is returned.
 * @throws if the schema cannot be loaded at the moment, because later events must wait for it
 */
export async function tryDecode(
  { id, schemaId, payload }: Stored & { readonly id: bigint },
  schemas: SchemaCache,
): Promise<Decoded> {
  const failure = (error: unknown): Decoded => {
    const reason = `The event cannot be decoded: ${(error as Error).message}`;
    return { id, event: null, error: reason, transactionKey: null };
  };
  let decode: (payload: Buffer) => ChangeEvent;
  try {
    decode = await decoderOf(schemaId, schemas);
  } catch (error) {
    if (error instanceof SalesforceError && unusableSchema.has(error.code)) return failure(error);
    throw error;
  }
  try {
    const event = decode(bytesOf(payload));
    return { id, event, error: null, transactionKey: event.header.transactionKey };
  } catch (error) {
    return failure(error);
  }
}

/** A view of the same bytes, without copying. */
function bytesOf(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
