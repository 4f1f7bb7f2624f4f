import type { ChangeEvent, ChangeEventHeader } from '../salesforce/change-event.ts';
import { decodeChangeEvent, decodeHeader as decodeHeaderAlone } from '../salesforce/decode.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { parseExactJson } from '../salesforce/exact-json.ts';
import { decodeJsonChangeEvent, parseJsonEvent } from '../salesforce/json-change-event.ts';
import { parseNotice, toGapEvent } from '../salesforce/outbound-message.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import type { WriterSchema } from '../salesforce/writer-schema.ts';
import { eventTraceId, isTracing, recordSpan } from '../tracing.ts';

/** The columns of a stored event that decoding needs. */
export type Stored = { readonly schemaId: string; readonly payload: Uint8Array };

/** A decoded event, or the reason why it cannot be decoded; then `event` has the header alone, or is null. */
export type Decoded = {
  readonly id: bigint;
  readonly event: ChangeEvent | null;
  readonly error: string | null;
  readonly transactionKey: string | null;
  /** Only with tracing. */
  readonly traceId?: string;
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
  return (await decoderOf(stored.schemaId, schemas)).decode(bytesOf(stored.payload));
}

type Decoder = {
  readonly decode: (payload: Buffer) => ChangeEvent;
  /** Decodes the header alone; null if it cannot be decoded. */
  readonly decodeHeader: (payload: Buffer) => ChangeEventHeader | null;
};

async function decoderOf(schemaId: string, schemas: SchemaCache): Promise<Decoder> {
  const decodeHeader = (): null => null;
  if (schemaId === noticeSchemaId)
    return { decode: (payload) => toGapEvent(parseNotice(payload.toString())), decodeHeader };
  if (schemaId.startsWith(jsonSchemaPrefix)) {
    const { entityFields } = await schemas.get(schemaId.slice(jsonSchemaPrefix.length));
    const decode = (payload: Buffer): ChangeEvent => {
      const event = parseJsonEvent(parseExactJson(payload.toString()));
      return decodeJsonChangeEvent(event, event.header.entityName === 'Account' ? entityFields : []);
    };
    return { decode, decodeHeader };
  }
  const schema: WriterSchema = await schemas.get(schemaId);
  return {
    decode: (payload) => decodeChangeEvent(payload, schema),
    decodeHeader: (payload) => decodeHeaderAlone(payload, schema),
  };
}

// Permanent errors: the schema of an id never changes.
const unusableSchema: ReadonlySet<string> = new Set(['schema.unusable', 'schema.validation.failed']);

/**
 * Decodes a stored event; an error of its payload or schema is returned.
 * @throws if the schema cannot be loaded at the moment, because later events must wait for it
 */
export async function tryDecode(
  stored: Stored & { readonly id: bigint },
  schemas: SchemaCache,
): Promise<Decoded> {
  if (!isTracing()) return decodeOrFail(stored, schemas);
  const start = Date.now();
  const decoded = await decodeOrFail(stored, schemas);
  const traceId = eventTraceId(stored.schemaId, stored.payload);
  recordSpan(traceId, 'decode', [start, Date.now()]);
  return { ...decoded, traceId };
}

async function decodeOrFail(
  { id, schemaId, payload }: Stored & { readonly id: bigint },
  schemas: SchemaCache,
): Promise<Decoded> {
  const failure = (error: unknown, header: ChangeEventHeader | null = null): Decoded => {
    const reason = `The event cannot be decoded: ${(error as Error).message}`;
    const event = header === null ? null : { header, values: new Map(), missing: [] };
    return { id, event, error: reason, transactionKey: header?.transactionKey ?? null };
  };
  let decoder: Decoder;
  try {
    decoder = await decoderOf(schemaId, schemas);
  } catch (error) {
    if (error instanceof SalesforceError && unusableSchema.has(error.code)) return failure(error);
    throw error;
  }
  try {
    const event = decoder.decode(bytesOf(payload));
    return { id, event, error: null, transactionKey: event.header.transactionKey };
  } catch (error) {
    return failure(error, decoder.decodeHeader(bytesOf(payload)));
  }
}

/** A view of the same bytes, without copying. */
function bytesOf(payload: Uint8Array): Buffer {
  return Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
