import type { ChangeEvent } from '../salesforce/change-event.ts';
import { decodeChangeEvent } from '../salesforce/decode.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { parseExactJson } from '../salesforce/exact-json.ts';
import { decodeJsonChangeEvent, parseJsonEvent } from '../salesforce/json-change-event.ts';
import { parseNotice, toGapEvent } from '../salesforce/outbound-message.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import type { WriterSchema } from '../salesforce/writer-schema.ts';

/** What decoding needs of a row of the log. */
export type Stored = { readonly schemaId: string; readonly payload: Uint8Array };

/** A stored event decoded, or why it can't be. */
export type Decoded = {
  readonly id: bigint;
  readonly event: ChangeEvent | null;
  readonly error: string | null;
  readonly transactionKey: string | null;
};

/** Before the id of the schema that says what kind a field of a JSON event is. */
export const jsonSchemaPrefix = 'json:';
/** The schema id of what outbound messages told. */
export const noticeSchemaId = 'outbound-message';

/**
 * Decodes an event of the log, whatever it is written in.
 * @throws where its bytes do not fit, and what the schema cache throws
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

// Salesforce will never give another schema under this id.
const unusableSchema: ReadonlySet<string> = new Set(['schema.unusable', 'schema.validation.failed']);

/** Decoding fails for the event alone; a schema that can't be had for now holds everything back. */
export async function tryDecode(
  { id, schemaId, payload }: Stored & { readonly id: bigint },
  schemas: SchemaCache,
): Promise<Decoded> {
  const failed = (error: unknown): Decoded => {
    const reason = `It can't be decoded: ${(error as Error).message}`;
    return { id, event: null, error: reason, transactionKey: null };
  };
  let decode: (payload: Buffer) => ChangeEvent;
  try {
    decode = await decoderOf(schemaId, schemas);
  } catch (error) {
    if (error instanceof SalesforceError && unusableSchema.has(error.code)) return failed(error);
    throw error;
  }
  try {
    const event = decode(bytesOf(payload));
    return { id, event, error: null, transactionKey: event.header.transactionKey };
  } catch (error) {
    return failed(error);
  }
}

/** The same bytes, not a copy. */
function bytesOf(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
