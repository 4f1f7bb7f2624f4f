import { eachWithDefects } from './each-with-defects.ts';
import { heldCodeIsAdopted, refusedCodeHasFailed } from './scenarios/codes.ts';
import { expiredPositionIsRead, gapIsRead, untoldDeletionIsFound } from './scenarios/healing.ts';

eachWithDefects([
  {
    promise: 'what a gap event hides is read',
    scenario: gapIsRead,
    defects: [
      {
        name: 'gap events are passed over',
        file: 'sync/event-effect.ts',
        find: "effect('some', new Map(), true)",
        replace: "effect('some', new Map(), false)",
        shows: /what the gap hid is read/,
      },
    ],
  },
  {
    promise: 'reading everything finds what was deleted',
    scenario: untoldDeletionIsFound,
    defects: [
      {
        name: 'what the reading did not bring is not asked for',
        file: 'sync/resync/repair.ts',
        find: "if (row.scope === 'all') for await (const page of unread(run)) await apply(run, page);",
        replace: 'void unread;',
        shows: /the untold purge is found/,
      },
    ],
  },
  {
    promise: 'a position that expired costs no change',
    scenario: expiredPositionIsRead,
    defects: [
      {
        name: 'it is given up without a reading',
        file: 'sync/subscribe.ts',
        find: "if (error.failure === 'data') await recoverPosition(context);",
        replace:
          "if (error.failure === 'data') await forgetPosition(context.pool, context.lease);\n  void recoverPosition;",
        shows: /what expired is read/,
      },
    ],
  },
  {
    promise: 'a code that Salesforce holds is adopted',
    scenario: heldCodeIsAdopted,
    defects: [
      {
        name: 'ours is written over it',
        file: 'sync/write-back/write-batch.ts',
        find: 'return held === null ||',
        replace: 'return held !== code ||',
        shows: /the code of a person stays/,
      },
    ],
  },
  {
    promise: 'a code that Salesforce refuses is not written',
    scenario: refusedCodeHasFailed,
    defects: [
      {
        name: 'every answer counts as a success',
        file: 'sync/write-back/judge-answer.ts',
        find: 'if (answer.success)',
        replace: 'if (answer !== undefined)',
        shows: /the refusal is on record/,
      },
    ],
  },
]);
