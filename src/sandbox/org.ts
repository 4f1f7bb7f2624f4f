import type { Bus } from './bus.ts';
import type { ChangeEvent } from './change-event.ts';
import { changeOriginOf, eventsOf, gapsOf, headerOnly } from './commit.ts';
import { openJournal } from './journal.ts';
import type { Caller, Org, OrgRecord, Transaction } from './model.ts';
import { ACCOUNT_TOPIC, openOrgState } from './org-state.ts';
import { mintId, toLongId } from './record-id.ts';
import { openTransaction, type RecordChange } from './transaction.ts';
import { type SandboxUsers, sandboxUsers } from './users.ts';

/** Opens a Salesforce org in memory; with a journal file it goes on where it was left. */
export function createOrg(options: OrgOptions = {}): SandboxOrg {
  const now = options.now ?? Date.now;
  const users = sandboxUsers();
  const userIds = new Set(Object.values(users).map((user) => user.id));
  const journal = options.journalFile === undefined ? undefined : openJournal(options.journalFile);
  const retentionMs = options.retentionMs ?? 72 * 60 * 60 * 1000;
  const state = openOrgState({ now, retentionMs, ownerId: users.admin.id, journal });
  const { catalog, store, bus } = state;
  addTopics(bus, options.channels ?? [], () => state.writer().schemaId);

  function eventsFor(changes: readonly RecordChange[], tell: Tell): ChangeEvent[] {
    if (tell === 'nothing') return [];
    if (tell === 'gaps') return gapsOf(changes);
    return eventsOf(changes, state.writer().layout, options.overflowAfter ?? 100_000);
  }

  function transaction<T>(caller: Caller, work: (tx: Transaction) => T, tell: Tell = 'changes'): T {
    const { userId } = caller;
    const time = Math.floor(now() / 1000) * 1000;
    const isUser = (id: string) => userIds.has(id);
    const open = openTransaction({ catalog, store, userId, time, nextId: state.nextId, isUser });
    try {
      const result = work(open.tx);
      const changes = open.changes();
      const changeOrigin = tell === 'changes' ? changeOriginOf(caller) : '';
      if (changes.length > 0) {
        state.commit({ time, userId, changeOrigin }, recordsOf(changes), eventsFor(changes, tell));
      }
      return result;
    } catch (error) {
      open.tx.rollback();
      throw error;
    }
  }

  return {
    organizationId: options.organizationId ?? mintId('00D', 1),
    users: Object.values(users),
    named: users,
    bus,
    fields: () => catalog.all(),
    field: (name) => catalog.find(name),
    addField: state.addField,
    record(id) {
      const longId = toLongId(id);
      return longId === undefined ? undefined : store.get(longId);
    },
    records: () => store.all(),
    get size() {
      return store.size();
    },
    transaction,
    seed: state.seed,
    publishGap(changeType, recordIds) {
      const time = Math.floor(now() / 1000) * 1000;
      const commit = { time, userId: users.automatedProcess.id, changeOrigin: '' };
      state.commit(commit, [], [headerOnly(changeType, recordIds)]);
    },
    close: () => journal?.close(),
  };
}

function addTopics(bus: Bus, channels: readonly string[], schemaId: () => string): void {
  bus.addTopic({ name: ACCOUNT_TOPIC, carries: new Set([ACCOUNT_TOPIC]), schemaId });
  for (const name of ['/data/ChangeEvents', ...channels]) {
    bus.addTopic({ name, carries: new Set([name, ACCOUNT_TOPIC]), schemaId: () => '' });
  }
}

function recordsOf(changes: readonly RecordChange[]): OrgRecord[] {
  return changes.flatMap(({ after }) => (after === undefined ? [] : [after]));
}

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
  /** Makes the org survive a restart; created when absent. */
  readonly journalFile?: string;
};

/** How the bus hears of a transaction: as it is, as header-only gaps, or not at all. */
export type Tell = 'changes' | 'gaps' | 'nothing';

export type SandboxOrg = Org & {
  readonly bus: Bus;
  /** The same users as `users`, by what they are for. */
  readonly named: SandboxUsers;
  /** Also takes how the bus hears of it. */
  transaction<T>(caller: Caller, work: (tx: Transaction) => T, tell?: Tell): T;
  /** Puts a header-only event on the bus, without a change in the org. */
  publishGap(changeType: ChangeEvent['changeType'], recordIds: readonly string[]): void;
  /** Closes the journal; the org must not be written to afterwards. */
  close(): void;
};
