import type { Bus } from '../pubsub/bus.ts';
import type { ChangeEvent } from '../pubsub/change-event.ts';
import { type EntityEvent, tell } from '../pubsub/publish-changes.ts';
import { type Audit, createAudit } from './audit.ts';
import { changeOriginOf, eventsOf, gapsOf, headerOnly } from './commit.ts';
import type { NewField } from './field-catalog.ts';
import { openJournal } from './journal.ts';
import type { Caller, Org, OrgRecord, Transaction } from './model.ts';
import type { OrgFaults } from './org-faults.ts';
import { ACCOUNT_TOPIC, openOrgState } from './org-state.ts';
import { addOtherObjects, OTHER_OBJECTS, type OtherObjects, topicOf } from './other-objects.ts';
import { mintId, toLongId } from './record-id.ts';
import { openTransaction, type RecordChange } from './transaction.ts';
import { type SimulatorUsers, simulatorUsers } from './users.ts';

/** Opens a Salesforce org in memory; with a journal file it goes on where it was left. */
export function createOrg(options: OrgOptions = {}): SimulatorOrg {
  const { faults = {}, now = Date.now, personAccounts = false } = options;
  const users = simulatorUsers();
  const userIds = new Set(Object.values(users).map((user) => user.id));
  const journal = options.journalFile === undefined ? undefined : openJournal(options.journalFile);
  const retentionMs = options.retentionMs ?? 72 * 60 * 60 * 1000;
  const delayMs = () => faults.delayMs?.() ?? 0;
  const state = openOrgState({ now, retentionMs, ownerId: users.admin.id, journal, delayMs, personAccounts });
  const { catalog, store, bus } = state;
  const audit = createAudit('SignUpCode__c');
  const others = addOtherObjects(bus);
  addTopics(bus, options.channels ?? [], () => state.account().writer.schemaId);

  function eventsFor(changes: readonly RecordChange[], how: Tell): ChangeEvent[] {
    if (how === 'nothing') return [];
    if (how === 'gaps') return gapsOf(changes);
    const overflowAfter = faults.overflowAfter?.() ?? options.overflowAfter ?? 100_000;
    return eventsOf(changes, state.account().layout, {
      overflowAfter,
      sendsDiffs: options.sendsDiffs ?? true,
    });
  }

  function commit(origin: Origin, records: readonly OrgRecord[], events: readonly EntityEvent[]): void {
    const { layout } = state.account();
    state.commit(origin, records, tell(events, { faults, layout, record: (id) => store.get(id) }));
  }

  function ofAccount(events: readonly ChangeEvent[]): EntityEvent[] {
    return events.map((event) => ({ entity: state.account(), event }));
  }

  function transaction<T>(caller: Caller, work: (tx: Transaction) => T, how: Tell | Rest<T> = 'changes'): T {
    const { userId } = caller;
    const time = wholeSeconds(now());
    const open = openTransaction({
      catalog,
      store,
      userId,
      time,
      nextId: state.nextId,
      isUser: (id) => userIds.has(id),
      refuse: (before, values) => faults.refuseWrite?.({ caller, before, values }),
      readOnly: faults.refuseAll?.(caller),
    });
    try {
      const result = work(open.tx);
      const changes = open.changes();
      const isPlain = how === 'changes' || typeof how === 'function';
      const changeOrigin = isPlain ? changeOriginOf(caller) : '';
      if (changes.length > 0) {
        const told = ofAccount(eventsFor(changes, typeof how === 'function' ? 'changes' : how));
        const rest = typeof how === 'function' ? how(result) : [];
        audit.record(caller, now(), open.writes());
        commit({ time, userId, changeOrigin }, recordsOf(changes), [...told, ...rest]);
      }
      return result;
    } catch (error) {
      open.tx.rollback();
      throw error;
    }
  }

  function publish(events: readonly EntityEvent[], userId: string): void {
    commit({ time: wholeSeconds(now()), userId, changeOrigin: '' }, [], events);
  }

  function publishGap(changeType: ChangeEvent['changeType'], recordIds: readonly string[]): void {
    publish(ofAccount([headerOnly(changeType, recordIds)]), users.automatedProcess.id);
  }

  return {
    organizationId: options.organizationId ?? mintId('00D', 1),
    users: Object.values(users),
    named: users,
    bus,
    audit,
    others,
    fields: () => catalog.all(),
    field: (name) => catalog.find(name),
    addField: (field) => state.addFields([field]),
    addFields: state.addFields,
    changeField(name, change) {
      if (state.changeField(name, change)) publishGap('GAP_UPDATE', [EVERY_ACCOUNT]);
    },
    removeField: state.removeField,
    record(id) {
      const longId = toLongId(id);
      return longId === undefined ? undefined : store.get(longId);
    },
    records: () => store.all(),
    get size() {
      return store.size();
    },
    transaction,
    collectionRefusal: (caller, names) => faults.refuseCollection?.({ caller, names }),
    seed: state.seed,
    publish,
    publishGap,
    close: () => journal?.close(),
  };
}

function addTopics(bus: Bus, channels: readonly string[], schemaId: () => string): void {
  bus.addTopic({ name: ACCOUNT_TOPIC, carries: new Set([ACCOUNT_TOPIC]), schemaId });
  for (const name of [ALL_CHANGES, ...channels]) {
    const carries = new Set([name, ACCOUNT_TOPIC, ...OTHER_OBJECTS.map(topicOf)]);
    bus.addTopic({ name, carries, schemaId: () => '' });
  }
}

function recordsOf(changes: readonly RecordChange[]): OrgRecord[] {
  return changes.flatMap(({ after }) => (after === undefined ? [] : [after]));
}

function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

/** The channel of every selected object. */
export const ALL_CHANGES = '/data/ChangeEvents';
/** Every record of the object whose ids begin so. */
export const EVERY_ACCOUNT = '001*';

export type OrgOptions = {
  /** Epoch milliseconds; the system clock unless told. */
  readonly now?: () => number;
  /** 18 characters, prefix 00D. */
  readonly organizationId?: string;
  /** Custom channels beside `/data/AccountChangeEvent` and `/data/ChangeEvents`: `/data/Tidemark__chn`. */
  readonly channels?: readonly string[];
  /** How long events stay on the bus; 72 hours unless told. */
  readonly retentionMs?: number;
  /** Changes in one transaction after which the rest becomes one GAP_OVERFLOW; 100,000 unless told. */
  readonly overflowAfter?: number;
  /** Whether small changes of texts of 1,000 characters and more come as diffs, as Salesforce does; yes unless told. */
  readonly sendsDiffs?: boolean;
  /** Whether an account with a last name is a person, as in many orgs of real companies; no unless told. */
  readonly personAccounts?: boolean;
  /** Makes the org survive a restart; created when absent. */
  readonly journalFile?: string;
  readonly faults?: OrgFaults;
};

/** How the bus hears of a transaction: as it is, as header-only gaps, or not at all. */
export type Tell = 'changes' | 'gaps' | 'nothing';

/** What happened to records of other objects in the same transaction, told behind the accounts. */
type Rest<T> = (result: T) => readonly EntityEvent[];

type Origin = { readonly time: number; readonly userId: string; readonly changeOrigin: string };

export type SimulatorOrg = Org & {
  /** Adds custom fields in one step. Throws when a name is taken. */
  addFields(fields: readonly NewField[]): void;
  readonly bus: Bus;
  /** The same users as `users`, by what they are for. */
  readonly named: SimulatorUsers;
  /** Every write of a record, by whom. */
  readonly audit: Audit;
  /** Contacts, opportunities and leads, of which there are only events. */
  readonly others: OtherObjects;
  /** Also takes how the bus hears of it, or what happened to other objects meanwhile. */
  transaction<T>(caller: Caller, work: (tx: Transaction) => T, how?: Tell | Rest<T>): T;
  /** Puts the events of one transaction on the bus without a change in the org. */
  publish(events: readonly EntityEvent[], userId: string): void;
  /** Puts a header-only event on the bus, without a change in the org. */
  publishGap(changeType: ChangeEvent['changeType'], recordIds: readonly string[]): void;
  /** Closes the journal; the org must not be written to afterwards. */
  close(): void;
};
