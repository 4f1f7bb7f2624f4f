import { changeEventSchema } from './avro-schema.ts';
import { createBus } from './bus.ts';
import type { ChangeEvent } from './change-event.ts';
import { createEventEncoder } from './change-event-codec.ts';
import { type Commit, encodeCommit } from './commit.ts';
import { createFieldCatalog, type NewField } from './field-catalog.ts';
import type { Journal } from './journal.ts';
import type { JournalEntry, PlainEntry } from './journal-entry.ts';
import type { OrgRecord } from './model.ts';
import { addField, type OrgMemory, restoreMemory, seedAccounts, snapshotMemory } from './org-memory.ts';
import { mintId } from './record-id.ts';
import { createRecordStore } from './record-store.ts';

/** Opens the memory of an org and keeps it in step with its journal, if it has one. */
export function openOrgState(options: OrgStateOptions) {
  const { now, ownerId, journal, retentionMs } = options;
  const catalog = createFieldCatalog();
  const store = createRecordStore(catalog.all());
  const history: PlainEntry[] = [];
  let restoring = true;
  const record = (entry: JournalEntry) => {
    if (!restoring) journal?.append(entry);
  };
  const bus = createBus({
    now,
    retentionMs,
    record(entry) {
      if (entry.op === 'schema') history.push(entry);
      record(entry);
    },
  });
  const memory: OrgMemory = {
    catalog,
    store,
    bus,
    ownerId,
    history,
    touched: new Set(),
    lastOrdinal: FIRST_ORDINAL,
    lastCommitNumber: 0n,
  };
  if (journal !== undefined) restoreMemory(memory, journal.read());
  let writer = currentWriter(memory);
  journal?.rewrite(snapshotMemory(memory, now()));
  restoring = false;

  return {
    catalog,
    store,
    bus,
    writer: () => writer,
    nextId() {
      memory.lastOrdinal += 1;
      return mintId('001', memory.lastOrdinal);
    },
    addField(field: NewField) {
      const entry = { op: 'field', field } as const;
      addField(memory, entry);
      record(entry);
      writer = currentWriter(memory);
    },
    seed(count: number, seed: number) {
      const entry = { op: 'seed', count, seed, firstOrdinal: memory.lastOrdinal + 1 } as const;
      record(entry);
      seedAccounts(memory, entry);
    },
    commit(commit: Omit<Commit, 'number'>, records: readonly OrgRecord[], changes: readonly ChangeEvent[]) {
      const commitNumber = nextCommitNumber(memory.lastCommitNumber, now());
      const events = bus.number(
        ACCOUNT_TOPIC,
        encodeCommit({ ...commit, number: commitNumber }, changes, writer),
      );
      record({ op: 'commit', lastOrdinal: memory.lastOrdinal, commitNumber, records, events });
      memory.lastCommitNumber = commitNumber;
      for (const account of records) memory.touched.add(account.id);
      bus.append(events);
    },
  };
}

/** How events are written from now on; its schema becomes readable. */
function currentWriter({ catalog, bus }: OrgMemory) {
  const schema = changeEventSchema(catalog.all());
  bus.registerSchema(schema.id, schema.json);
  return { schemaId: schema.id, layout: schema.layout, encode: createEventEncoder(schema.json) };
}

/** Nanoseconds, roughly, as large orgs show them: beyond what a double holds, and always growing. */
function nextCommitNumber(last: bigint, time: number): bigint {
  const byClock = BigInt(Math.floor(time)) * 1_000_000n + 1n;
  return byClock > last ? byClock : last + 1n;
}

export const ACCOUNT_TOPIC = '/data/AccountChangeEvent';
const FIRST_ORDINAL = 1_000_000;

export type OrgStateOptions = {
  readonly now: () => number;
  readonly retentionMs: number;
  /** Owner of seeded accounts. */
  readonly ownerId: string;
  readonly journal: Journal | undefined;
};
