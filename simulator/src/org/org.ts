import type { Bus } from '../pubsub/bus.ts';
import { type ChangeEvent, withoutFields } from '../pubsub/change-event.ts';
import { type EntityEvent, sequenceEvents } from '../pubsub/publish-changes.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
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

/** Opens a Salesforce org in memory; a journal file restores its last state. */
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

  function eventsFor(changes: readonly RecordChange[], how: PublishMode): ChangeEvent[] {
    if (how === 'nothing') return [];
    if (how === 'gaps') return gapsOf(changes);
    const overflowAfter = faults.overflowAfter?.() ?? options.overflowAfter ?? 100_000;
    return eventsOf(changes, state.account().layout, {
      overflowAfter,
      sendsDiffs: options.diffFields ?? true,
    });
  }

  function commit(origin: Origin, records: readonly OrgRecord[], events: readonly EntityEvent[]): void {
    const { layout } = state.account();
    state.commit(origin, records, sequenceEvents(events, { faults, layout, record: (id) => store.get(id) }));
  }

  function ofAccount(events: readonly ChangeEvent[]): EntityEvent[] {
    const entity = state.account();
    const { isWithheld } = faults;
    return events.map((event) => ({
      entity,
      event: isWithheld ? withoutFields(event, entity.layout, isWithheld) : event,
    }));
  }

  function transaction<T>(
    caller: Caller,
    work: (tx: Transaction) => T,
    how: PublishMode | OtherEvents<T> = 'changes',
  ): T {
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
        const accountEvents = ofAccount(eventsFor(changes, typeof how === 'function' ? 'changes' : how));
        const otherEvents = typeof how === 'function' ? how(result) : [];
        audit.record(caller, now(), open.writes());
        commit({ time, userId, changeOrigin }, recordsOf(changes), [...accountEvents, ...otherEvents]);
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
    recalculate(name, value, recordIds) {
      state.recalculate({ name, value, ...(recordIds && { recordIds }) });
    },
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

/** The standard channel of all selected objects. */
export const ALL_CHANGES = '/data/ChangeEvents';
/** The wildcard record id of all accounts. */
export const EVERY_ACCOUNT = '001*';

export type OrgOptions = Pick<
  SimulatorOptions,
  'now' | 'organizationId' | 'channels' | 'retentionMs' | 'diffFields' | 'personAccounts' | 'journalFile'
> & {
  /** Changes in one transaction after which one GAP_OVERFLOW replaces the rest; 100,000 by default. */
  readonly overflowAfter?: number;
  readonly faults?: OrgFaults;
};

/** The events of a transaction: its changes, gap events, or none. */
type PublishMode = 'changes' | 'gaps' | 'nothing';

/** Events of other objects in the same transaction, after those of the accounts. */
type OtherEvents<T> = (result: T) => readonly EntityEvent[];

type Origin = { readonly time: number; readonly userId: string; readonly changeOrigin: string };

export type SimulatorOrg = Org & {
  /** Adds custom fields in one step. Throws if a name is in use. */
  addFields(fields: readonly NewField[]): void;
  readonly bus: Bus;
  /** The users by role. */
  readonly named: SimulatorUsers;
  /** Every write of a record and its caller. */
  readonly audit: Audit;
  /** Contacts, opportunities and leads, which exist only as events. */
  readonly others: OtherObjects;
  /** Also takes which events to publish. */
  transaction<T>(caller: Caller, work: (tx: Transaction) => T, how?: PublishMode | OtherEvents<T>): T;
  /** Puts the events of one transaction on the bus without a change in the org. */
  publish(events: readonly EntityEvent[], userId: string): void;
  /** Puts a header-only event on the bus, without a change in the org. */
  publishGap(changeType: ChangeEvent['changeType'], recordIds: readonly string[]): void;
  /** Closes the journal; the org must not be written to afterwards. */
  close(): void;
};
