import type { Prisma, PrismaClient } from '../../src/db/generated/client.ts';
import { eventKey } from '../../src/ingest/event-key.ts';
import { parseRecordId } from '../../src/salesforce/record-id.ts';
import { payloadOf } from './start-server.ts';

/** The id of the n-th account of a test. */
export function accountId(n: number): string {
  const id = parseRecordId(`001al0000${String(n).padStart(6, '0')}`);
  if (id === undefined) throw new Error(`No id for ${n}`);
  return id;
}

/** Inserts an account; what is not said is plain and living. */
export async function insertAccount(
  prisma: PrismaClient,
  id: string,
  values: Partial<Prisma.AccountCreateInput> = {},
): Promise<void> {
  const now = new Date('2026-11-23T10:00:00.000Z');
  await prisma.account.create({
    data: {
      id,
      fields: {},
      createdAt: now,
      modifiedAt: now,
      baseVersion: 'v1',
      fieldVersions: {},
      deleted: false,
      codeState: 'none',
      codeAttempts: 0,
      codeDueAt: new Date(0),
      codeTries: 0,
      codeRefusals: 0,
      codeReplaces: [],
      revision: 1,
      historyLength: 0,
      replacedFields: [],
      version: 'v1',
      syncedAt: now,
      changedAt: now,
      ...values,
    },
  });
}

/**
 * Inserts an event, with an outcome or, in the state `stored`, into the queue; its payload agrees with its columns.
 * @returns its number in the log
 */
export async function insertEvent(
  prisma: PrismaClient,
  values: Partial<Omit<Prisma.LoggedEventUncheckedCreateInput, 'outcome'>> & { eventId: string },
  fields: object = {},
): Promise<string> {
  const {
    id,
    topic = '/data/AccountChangeEvent',
    source = 'stream',
    eventId,
    schemaId = 'i8wgJwwM-AVcDbFkbRl5Nw',
    replayId,
    receivedAt = new Date(),
    state = 'applied',
    changeType = 'UPDATE',
    recordIds = [],
    changedFields = [],
    attempts,
    position,
    payload = new Uint8Array(payloadOf({ changeType, recordIds, changedFields }, fields)),
    ...others
  } = values;
  const row = await prisma.event.create({
    data: {
      ...(id !== undefined && { id }),
      topic,
      source,
      eventId,
      schemaId,
      replayId: replayId ?? null,
      payload,
      key: eventKey(eventId, payload),
      receivedAt,
    },
  });
  if (state === 'stored') {
    await prisma.queuedEvent.create({
      data: { topic, eventId: row.id, receivedAt, attempts: attempts ?? 0 },
    });
  } else {
    await prisma.eventOutcome.create({
      data: {
        ...others,
        ...(position != null && { position }),
        eventId: row.id,
        source,
        state,
        changeType,
        recordIds,
        changedFields,
        attempts: attempts ?? 1,
      },
    });
  }
  return row.id.toString();
}

/** A UUID that ends in a number. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}
