import type { Static } from 'typebox';
import type { Dismissal } from '../../apply/dismiss-event.ts';
import { type LoggedEvent, Prisma } from '../../db/generated/client.ts';
import type { ReadEvent } from '../../history/read-event.ts';
import {
  type DecodedEventSchema,
  type EventDetailSchema,
  type EventSchema,
  eventStates,
} from '../schemas/event.ts';
import { isoTime } from '../schemas/values.ts';

/** Converts a row of the log to JSON, without the payload. */
export function eventJson(row: EventRow): Static<typeof EventSchema> {
  return {
    id: row.id.toString(),
    eventId: row.eventId,
    state: eventStates.find((state) => state === row.state) ?? 'stored',
    error: row.error,
    receivedAt: isoTime(row.receivedAt),
    appliedAt: isoTime(row.appliedAt),
    changeType: row.changeType,
    recordIds: row.recordIds,
    transactionKey: row.transactionKey,
    sequenceNumber: row.sequenceNumber,
    commitTimestamp: isoTime(row.commitTimestamp),
    commitNumber: row.commitNumber?.toString() ?? null,
    commitUser: row.commitUser,
    changeOrigin: row.changeOrigin,
    changedFields: row.changedFields,
    topic: row.topic,
    source: row.source,
    schemaId: row.schemaId,
    // A failed event that was returned to the queue keeps its position until it is applied again.
    position: row.state === 'stored' ? null : (row.position?.toString() ?? null),
    entityName: row.entityName,
    duplicateOf: row.duplicateOf?.toString() ?? null,
    dismissal: dismissalJson(row.dismissal),
  };
}

/** Converts a row of the log to JSON, including the decoded payload. */
export function eventDetailJson(
  row: EventRow & Pick<LoggedEvent, 'payload' | 'replayId'>,
  decoded: ReadEvent | undefined,
): Static<typeof EventDetailSchema> {
  return {
    ...eventJson(row),
    decoded: decoded?.ok === true ? decodedJson(decoded) : null,
    decodeError: decodeError(decoded),
    payload: Buffer.from(row.payload).toString('base64'),
    replayId: row.replayId === null ? null : Buffer.from(row.replayId).toString('base64'),
  };
}

/** The columns of an `EventRow`. */
export const eventColumns = Prisma.raw(`id, topic, source, event_id AS "eventId", schema_id AS "schemaId",
  received_at AS "receivedAt", state, error, position, applied_at AS "appliedAt", entity_name AS "entityName",
  change_type AS "changeType", coalesce(record_ids, '{}') AS "recordIds", transaction_key AS "transactionKey",
  sequence_number AS "sequenceNumber", commit_timestamp AS "commitTimestamp", commit_number AS "commitNumber",
  commit_user AS "commitUser", change_origin AS "changeOrigin", coalesce(changed_fields, '{}') AS "changedFields",
  duplicate_of AS "duplicateOf", dismissal`);

function dismissalJson(value: LoggedEvent['dismissal']): Dismissal | null {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return null;
  const { by, at, reason } = value;
  if (typeof by !== 'string' || typeof at !== 'string') return null;
  return { by, at, reason: typeof reason === 'string' ? reason : null };
}

function decodedJson({ header, fields }: ReadEvent & { ok: true }): Static<typeof DecodedEventSchema> {
  return {
    header: {
      ...header,
      recordIds: [...header.recordIds],
      nulledFields: [...header.nulledFields],
      diffFields: [...header.diffFields],
      changedFields: [...header.changedFields],
    },
    fields,
  };
}

function decodeError(decoded: ReadEvent | undefined): string | null {
  if (decoded === undefined) return 'The event was not decoded.';
  return decoded.ok ? null : decoded.error;
}

/** What an `EventRow` omits. */
export const notInEventRow = { payload: true, replayId: true, outcome: true, attempts: true } as const;

export type EventRow = Omit<LoggedEvent, keyof typeof notInEventRow>;
