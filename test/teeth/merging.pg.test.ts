import { eachWithDefects } from './each-with-defects.ts';
import { futureIsSetAside, laterCommitWins, readingBeatsTheEventBeforeIt } from './scenarios/merging.ts';
import {
  halfATransactionIsNotShown,
  holeInATransactionDoesNotSplitIt,
  mergedEventChangesEveryRecord,
} from './scenarios/transactions.ts';

eachWithDefects([
  {
    promise: 'the later of two commits wins, whichever arrives first',
    scenario: laterCommitWins,
    defects: [
      {
        name: 'a change of the same second is taken for later',
        file: 'sync/merge.ts',
        find: 'compareVersions(version, versionOf(before, path)) <= 0',
        replace: 'version[0] < versionOf(before, path)[0]',
        shows: /the later commit wins/,
      },
      {
        name: 'commit numbers are compared as doubles',
        file: 'sync/version.ts',
        find: 'if (a[1] !== b[1]) return',
        replace: 'if (Number(a[1]) !== Number(b[1])) return',
        shows: /the later commit wins/,
      },
    ],
  },
  {
    promise: 'a reading wins over the event of the same second before it',
    scenario: readingBeatsTheEventBeforeIt,
    defects: [
      {
        name: 'the watermark is left out of its version',
        file: 'sync/version.ts',
        find: 'laterVersion([systemModstamp, 0n, 0, 0], watermark)',
        replace: 'laterVersion([systemModstamp, 0n, 0, 0], [watermark[0] * 0, 0n, 0, 0])',
        shows: /the reading wins/,
      },
    ],
  },
  {
    promise: 'an event from the future shuts nothing out',
    scenario: futureIsSetAside,
    defects: [
      {
        name: 'its time is believed',
        file: 'sync/event-effect.ts',
        find: 'now + futureToleranceMs) {',
        replace: 'now * 2 + futureToleranceMs) {',
        shows: /a change of now still counts/,
      },
    ],
  },
  {
    promise: 'a merged event changes every record that it names',
    scenario: mergedEventChangesEveryRecord,
    defects: [
      {
        name: 'only the first record is changed',
        file: 'sync/event-effect.ts',
        find: 'header.recordIds.map(checkedId)',
        replace: 'header.recordIds.slice(0, 1).map(checkedId)',
        shows: /every record of the merged event has the new value/,
      },
    ],
  },
  {
    promise: 'a transaction is shown as a whole',
    scenario: halfATransactionIsNotShown,
    defects: [
      {
        name: 'the newest transaction counts as complete',
        file: 'sync/transaction-group.ts',
        find: 'last.id <= quietThrough)',
        replace: '(last.id <= quietThrough || last.id > quietThrough))',
        shows: /half a transaction is not shown/,
      },
    ],
  },
  {
    promise: 'a transaction with an event that can not be decoded is shown as a whole',
    scenario: holeInATransactionDoesNotSplitIt,
    defects: [
      {
        name: 'such an event ends the transaction',
        file: 'sync/transaction-group.ts',
        find: 'current.length === 0 ||',
        replace: 'current.length >= 0 ||',
        shows: /what lies before the hole is not shown alone/,
      },
    ],
  },
]);
