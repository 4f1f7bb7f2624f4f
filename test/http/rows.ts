import { createHash } from 'node:crypto';
import type { Prisma, PrismaClient } from '../../src/db/generated/client.ts';
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
      version: 'v1',
      syncedAt: now,
      changedAt: now,
      ...values,
    },
  });
}

/** Inserts an event and returns its number in the log; its payload agrees with its columns. */
export async function insertEvent(
  prisma: PrismaClient,
  values: Partial<Prisma.EventCreateInput> & { eventId: string },
  fields: object = {},
): Promise<string> {
  const { changeType = 'UPDATE', recordIds = [], changedFields = [] } = values;
  const payload = payloadOf({ changeType, recordIds, changedFields }, fields);
  const row = await prisma.event.create({
    data: {
      topic: '/data/AccountChangeEvent',
      source: 'stream',
      schemaId: 'i8wgJwwM-AVcDbFkbRl5Nw',
      payload: new Uint8Array(payload),
      digest: new Uint8Array(createHash('sha256').update(payload).digest()),
      state: 'applied',
      changeType,
      ...values,
    },
  });
  return row.id.toString();
}

/** A UUID that ends in a number. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}
