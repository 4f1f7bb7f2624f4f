import { changeEventSchema, type EventField } from '../pubsub/avro-schema.ts';
import { createBus } from '../pubsub/bus.ts';
import { createEventEncoder } from '../pubsub/change-event-codec.ts';
import { accountFields } from './account-fields.ts';
import { type Commit, type EventEntity, encodeCommit, type SequencedEvent } from './commit.ts';
import { createFieldCatalog, type FieldChange, type NewField } from './field-catalog.ts';
import type { Journal } from './journal.ts';
import type { JournalEntry, PlainEntry, Recalculation } from './journal-entry.ts';
import type { OrgRecord } from './model.ts';
import {
  addField,
  changeField,
  type OrgMemory,
  recalculate,
  removeField,
  restoreMemory,
  seedAccounts,
  snapshotMemory,
} from './org-memory.ts';
import { withPersonAccounts } from './person-accounts.ts';
import { mintId } from './record-id.ts';
import { createRecordStore } from './record-store.ts';

/** Opens the state of an org and keeps its journal up to date, if it has one. */
export function openOrgState(options: OrgStateOptions) {
  const { now, ownerId, journal, retentionMs } = options;
  const standardFields = accountFields();
  const catalog = createFieldCatalog(
    options.personAccounts ? withPersonAccounts(standardFields) : standardFields,
  );
  const store = createRecordStore(catalog.all());
  const history: PlainEntry[] = [];
  let restoring = true;
  const record = (entry: JournalEntry) => {
    if (!restoring) journal?.append(entry);
  };
  const bus = createBus({
    now,
    retentionMs,
    delayMs: () => (restoring ? 0 : options.delayMs()),
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
  let account = accountEntity(memory);
  journal?.rewrite(snapshotMemory(memory, now()));
  restoring = false;

  return {
    catalog,
    store,
    bus,
    account: () => account,
    nextId() {
      memory.lastOrdinal += 1;
      return mintId('001', memory.lastOrdinal);
    },
    /** All fields become one new schema. */
    addFields(fields: readonly NewField[]) {
      for (const field of fields) {
        const entry = { op: 'field', field } as const;
        addField(memory, entry);
        record(entry);
      }
      account = accountEntity(memory);
    },
    /** Returns whether it causes a gap event. */
    changeField(name: string, change: FieldChange): boolean {
      const entry = { op: 'changeField', name, change } as const;
      const hasGapEvent = changeField(memory, entry);
      record(entry);
      account = accountEntity(memory);
      return hasGapEvent;
    },
    removeField(name: string) {
      const entry = { op: 'removeField', name } as const;
      removeField(memory, entry);
      record(entry);
      account = accountEntity(memory);
    },
    recalculate(change: Recalculation) {
      const entry = { op: 'recalculate', ...change } as const;
      recalculate(memory, entry);
      record(entry);
    },
    seed(count: number, seed: number) {
      const entry = { op: 'seed', count, seed, firstOrdinal: memory.lastOrdinal + 1 } as const;
      record(entry);
      seedAccounts(memory, entry);
    },
    commit(
      commit: Omit<Commit, 'number'>,
      records: readonly OrgRecord[],
      sequenced: readonly SequencedEvent[],
    ) {
      const commitNumber = nextCommitNumber(memory.lastCommitNumber, now());
      const events = bus.number(encodeCommit({ ...commit, number: commitNumber }, sequenced));
      record({ op: 'commit', lastOrdinal: memory.lastOrdinal, commitNumber, records, events });
      memory.lastCommitNumber = commitNumber;
      for (const { id } of records) memory.touched.add(id);
      bus.append(events);
    },
  };
}

/** The encoder of the current fields; registers its schema. */
function accountEntity({
  catalog,
  bus,
}: OrgMemory): EventEntity & { readonly layout: readonly EventField[] } {
  const { id, json, layout } = changeEventSchema(catalog.all());
  bus.registerSchema(id, json);
  const writer = { schemaId: id, encode: createEventEncoder(json) };
  return { name: 'Account', topic: ACCOUNT_TOPIC, writer, layout };
}

/** About the time in nanoseconds, as in large orgs: it exceeds the precision of a double and always grows. */
function nextCommitNumber(last: bigint, time: number): bigint {
  const byClock = BigInt(Math.floor(time)) * 1_000_000n + 1n;
  return byClock > last ? byClock : last + 1n;
}

export const ACCOUNT_TOPIC = '/data/AccountChangeEvent';
const FIRST_ORDINAL = 1_000_000;

type OrgStateOptions = {
  readonly now: () => number;
  readonly retentionMs: number;
  /** Owner of seeded accounts. */
  readonly ownerId: string;
  readonly journal: Journal | undefined;
  readonly personAccounts: boolean;
  /** Called for every commit: milliseconds before its events are visible. */
  readonly delayMs: () => number;
};
