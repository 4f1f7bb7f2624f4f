import type { AppContext } from '../context.ts';
import { reportSchemaOfEvents } from '../ingest/stored-schemas.ts';
import { type Decoded, tryDecode } from './decode-stored.ts';
import { type IdRange, type ReadLimit, readNewestStoredEvent, readStoredEvents } from './event-rows.ts';
import { completeTransactions } from './transaction-group.ts';

export type ReadContext = Pick<AppContext, 'pool' | 'topic' | 'schemas'>;

type ReaderContext = ReadContext & {
  /** The schema of the last event of an account. */
  readonly lastSchema: { id?: string };
};

/** Complete Salesforce transactions at the front of the queue, decoded. */
export type ReadBatch = {
  readonly groups: readonly Decoded[][];
  /** Whether the only group is a part of a transaction that exceeds the limits. */
  readonly isPartial: boolean;
  /** Whether the limit was reached, so that more events are queued. */
  readonly isCut: boolean;
};

/** Events per database transaction, unless a single Salesforce transaction is larger. */
export const batchSize = 500;
// Initial limit of a read of the queue; it grows for larger transactions.
const initialLimit: ReadLimit = { events: batchSize, bytes: 16 * 1024 ** 2 };
// Salesforce replaces the rest of a transaction with more changes by an overflow event; a larger one is applied in
// parts.
const transactionLimit: ReadLimit = { events: 100_000, bytes: 256 * 1024 ** 2 };

/** Source of batches of complete transactions, in the order of arrival. */
export type BatchReader = {
  /** The batch that was read ahead, or the batch at the front of the queue. */
  next(): Promise<ReadBatch>;
  /** Starts to read the batch after this one, while this one is applied. */
  readAfter(batch: ReadBatch): void;
  /** Whether a batch was read ahead, or is being read. */
  readonly isAhead: boolean;
  /** Discards the batch that was read ahead: the one before it was not applied. */
  discard(): void;
};

/**
 * Reads and decodes one batch ahead. Events that another process applies in the meantime are left out when the batch is
 * applied, under the lock on account writes.
 */
export function createBatchReader(options: ReadContext): BatchReader {
  const context: ReaderContext = { ...options, lastSchema: {} };
  let ahead: Promise<ReadBatch | undefined> | undefined;
  return {
    async next() {
      const batch = await ahead;
      ahead = undefined;
      return batch !== undefined && batch.groups.length > 0 ? batch : readTransactions(context);
    },
    readAfter(batch) {
      if (!batch.isCut || batch.groups.length === 0) return;
      // `next` reads again after a failure, and reports it if it lasts.
      ahead = readWithin(context, initialLimit, rangeOf(batch)).catch(() => undefined);
    },
    get isAhead() {
      return ahead !== undefined;
    },
    discard() {
      ahead = undefined;
    },
  };
}

function rangeOf({ groups }: ReadBatch): IdRange {
  return { first: groups[0]?.[0]?.id ?? 0n, last: groups.at(-1)?.at(-1)?.id ?? 0n };
}

async function readTransactions(context: ReaderContext): Promise<ReadBatch> {
  for (let limit = initialLimit; ; limit = increaseLimit(limit)) {
    const batch = await readWithin(context, limit);
    if (batch.groups.length > 0 || !batch.isCut) return batch;
    // The transaction is still arriving: reading more would repeat the whole read with each new event.
    if (await isStillArriving(context, batch.decoded[0])) return batch;
    // Increase the limit that was reached.
    const bound = batch.decoded.length < limit.events ? 'bytes' : 'events';
    const isLargest = limit[bound] === transactionLimit[bound];
    if (isLargest) return { groups: [batch.decoded], isPartial: true, isCut: true };
  }
}

async function readWithin(
  context: ReaderContext,
  limit: ReadLimit,
  except?: IdRange,
): Promise<ReadBatch & { readonly decoded: Decoded[] }> {
  const { pool, topic, schemas, lastSchema } = context;
  const { events, quietThrough, cut } = await readStoredEvents(pool, topic, limit, except);
  const decoded = await Promise.all(events.map((event) => tryDecode(event, schemas)));
  const last = events[decoded.findLastIndex(({ event }) => event?.header.entityName === 'Account')];
  if (last !== undefined && last.schemaId !== lastSchema.id) {
    await reportSchemaOfEvents(pool, last.schemaId);
    lastSchema.id = last.schemaId;
  }
  // If the limit was reached, the last transaction may continue after it.
  const groups = completeTransactions(decoded, cut ? -1n : quietThrough);
  return { groups, isPartial: false, isCut: cut, decoded };
}

function increaseLimit({ events, bytes }: ReadLimit): ReadLimit {
  return {
    events: Math.min(events * 4, transactionLimit.events),
    bytes: Math.min(bytes * 4, transactionLimit.bytes),
  };
}

/** Whether the transaction at the front of the queue is also the newest, so that more of its events may arrive. */
async function isStillArriving(
  { pool, topic, schemas }: ReadContext,
  first: Decoded | undefined,
): Promise<boolean> {
  const newest = await readNewestStoredEvent(pool, topic);
  if (newest === undefined || newest.id <= newest.quietThrough) return false;
  const { transactionKey } = await tryDecode(newest, schemas);
  return transactionKey !== null && transactionKey === first?.transactionKey;
}
