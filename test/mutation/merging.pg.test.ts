import type { Groupable } from '../../src/apply/transaction-group.ts';
import type { MirrorOptions } from '../helpers/live-mirror.ts';
import { eachWithMutants } from './each-with-mutants.ts';
import { futureIsSetAside, laterCommitWins, readingBeatsTheEventBeforeIt } from './scenarios/merging.ts';
import {
  halfATransactionIsNotShown,
  holeInATransactionDoesNotSplitIt,
  mergedEventChangesEveryRecord,
} from './scenarios/transactions.ts';

const now = Date.now();
const clockStandsStill: MirrorOptions = { simulator: { now: () => now } };
const withoutKeepalives: MirrorOptions = { simulator: { accounts: 6, keepaliveIntervalMs: 60_000 } };
const beyondAllCommits = 2n ** 62n;

eachWithMutants([
  {
    behavior: 'the later of two commits wins in any order of arrival',
    scenario: laterCommitWins,
    mutants: [
      {
        name: 'the last to arrive of two changes of one second wins',
        replace: {
          'apply/merge.ts': {
            merge: (merge) => {
              let arrivals = beyondAllCommits;
              return (before, change) => {
                const version = [change.version[0], arrivals++, 0, 0] as const;
                return merge(before, change.kind === 'patch' ? { ...change, version } : change);
              };
            },
          },
        },
        reason: /the later commit wins/,
      },
      {
        name: 'commit numbers are compared as doubles',
        replace: {
          'apply/version.ts': {
            compareVersions: (compare) => (a, b) =>
              compare([a[0], BigInt(Number(a[1])), a[2], a[3]], [b[0], BigInt(Number(b[1])), b[2], b[3]]),
          },
        },
        reason: /the later commit wins/,
      },
    ],
  },
  {
    behavior: 'a read wins over an earlier event of the same second',
    scenario: readingBeatsTheEventBeforeIt,
    options: clockStandsStill,
    mutants: [
      {
        name: 'the version of a read leaves out the watermark',
        replace: {
          'apply/version.ts': {
            readVersion: (version) => (systemModstamp, _watermark, readAt) =>
              version(systemModstamp, [0, 0n, 0, 0], readAt),
          },
        },
        reason: /the reading wins/,
      },
    ],
  },
  {
    behavior: 'an event from the future does not block later changes',
    scenario: futureIsSetAside,
    mutants: [
      {
        name: 'a commit time in the future is accepted',
        replace: {
          'apply/event-effect.ts': { effectOf: (effectOf) => (event, now) => effectOf(event, now * 2) },
        },
        reason: /a change of now still counts/,
      },
    ],
  },
  {
    behavior: 'a merged event changes every record that it names',
    scenario: mergedEventChangesEveryRecord,
    mutants: [
      {
        name: 'only the first record of a merged event is changed',
        replace: {
          'apply/event-effect.ts': {
            effectOf:
              (effectOf) =>
              (...args) => {
                const found = effectOf(...args);
                if (found.kind !== 'accounts') return found;
                return { ...found, accountIds: found.accountIds.slice(0, 1) };
              },
          },
        },
        reason: /every record of the merged event has the new value/,
      },
    ],
  },
  {
    behavior: 'a transaction is shown as a whole',
    scenario: halfATransactionIsNotShown,
    options: withoutKeepalives,
    mutants: [
      {
        name: 'the newest transaction counts as complete',
        replace: {
          'apply/transaction-group.ts': {
            completeTransactions: (complete) => (events) => complete(events, beyondAllCommits),
          },
        },
        reason: /half a transaction is not shown/,
      },
    ],
  },
  {
    behavior: 'a transaction with an undecodable event is shown as a whole',
    scenario: holeInATransactionDoesNotSplitIt,
    options: withoutKeepalives,
    mutants: [
      {
        name: 'an event that can not be decoded ends the transaction',
        replace: {
          'apply/transaction-group.ts': {
            completeTransactions: (complete) =>
              function split<T extends Groupable>(events: readonly T[], quietThrough: bigint): T[][] {
                const place = events.findIndex(({ transactionKey }) => transactionKey === null);
                if (place === -1) return complete(events, quietThrough);
                const before = complete(events.slice(0, place), beyondAllCommits);
                const behind = split(events.slice(place + 1), quietThrough);
                return [...before, events.slice(place, place + 1), ...behind];
              },
          },
        },
        reason: /what lies before the hole is not shown alone/,
      },
    ],
  },
]);
