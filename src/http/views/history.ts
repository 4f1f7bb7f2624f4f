import type { Static } from 'typebox';
import { formatVersion } from '../../apply/version.ts';
import type { FieldChange } from '../../history/entry.ts';
import type { ListedEntry } from '../../history/list-entries.ts';
import type { AccountEventSchema, FieldWriteSchema } from '../schemas/history.ts';
import { isoTime } from '../schemas/values.ts';
import type { EventRow } from './event.ts';

export function accountEventJson(
  listed: ListedEntry,
  changes: readonly FieldChange[],
  origin: ChangeOrigin,
): Static<typeof AccountEventSchema> {
  return {
    ...originJson(listed, origin),
    state: 'applied',
    recordIds: origin.event?.recordIds ?? [],
    changedFields: origin.event?.changedFields ?? [],
    changes: [...changes],
  };
}

export function fieldWriteJson(
  listed: ListedEntry,
  change: FieldChange,
  origin: ChangeOrigin,
): Static<typeof FieldWriteSchema> {
  return { ...originJson(listed, origin), ...change };
}

function originJson({ kind, entry: { version, origin } }: ListedEntry, { event, resyncId }: ChangeOrigin) {
  const [committed, commitNumber, , readAt] = version;
  return {
    kind,
    version: formatVersion(version),
    commitTimestamp: new Date(committed).toISOString(),
    id: origin.eventId?.toString() ?? null,
    eventId: event?.eventId ?? null,
    changeType: origin.changeType,
    transactionKey: event?.transactionKey ?? null,
    sequenceNumber: kind === 'event' ? version[2] : null,
    commitNumber: kind === 'event' ? commitNumber.toString() : null,
    commitUser: event?.commitUser ?? null,
    changeOrigin: event?.changeOrigin ?? null,
    receivedAt: event === undefined ? null : isoTime(event.receivedAt),
    readAt: kind === 'reading' ? new Date(readAt).toISOString() : null,
    resyncId: kind === 'reading' ? (origin.resyncId ?? resyncId) : null,
  } as const;
}

/** The event, while it is in the log, and the resync of a `reading`. */
export type ChangeOrigin = { readonly event: EventRow | undefined; readonly resyncId: string | null };
