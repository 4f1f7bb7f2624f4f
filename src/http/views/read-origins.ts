import type { PrismaClient } from '../../db/generated/client.ts';
import type { ListedEntry } from '../../history/list-entries.ts';
import { notInEventRow } from './event.ts';
import type { ChangeOrigin } from './history.ts';

/** Reads the origin of each change, in the same order. */
export async function readOrigins(
  prisma: PrismaClient,
  list: readonly ListedEntry[],
): Promise<ChangeOrigin[]> {
  const ids = list.flatMap(({ entry: { origin } }) => (origin.eventId === null ? [] : [origin.eventId]));
  const events =
    ids.length === 0
      ? []
      : await prisma.loggedEvent.findMany({ where: { id: { in: ids } }, omit: notInEventRow });
  const byId = new Map(events.map((event) => [event.id, event]));
  // The first entry of a history does not store its resync, which is found by the time of the read.
  const first = list.find(({ base, kind }) => base !== null && kind === 'reading');
  const readAt = first && new Date(first.entry.version[3]);
  const resync = readAt && (await prisma.resync.findFirst({ where: { readAt }, select: { id: true } }));
  return list.map(({ base, entry: { origin } }) => ({
    event: origin.eventId === null ? undefined : byId.get(origin.eventId),
    resyncId: base === null ? null : (resync?.id ?? null),
  }));
}
