import { eachWithMutants } from './each-with-mutants.ts';
import { heldCodeIsAdopted, refusedCodeHasFailed } from './scenarios/codes.ts';
import { expiredPositionIsRead, gapIsRead, unreportedDeletionIsFound } from './scenarios/healing.ts';

eachWithMutants([
  {
    behavior: 'the changes behind a gap event are read',
    scenario: gapIsRead,
    mutants: [
      {
        name: 'an account with a gap event is not read again',
        replace: {
          'apply/event-effect.ts': {
            effectOf:
              (effectOf) =>
              (...args) => {
                const found = effectOf(...args);
                if (found.kind !== 'accounts' || !found.effect.isGapEvent) return found;
                return { ...found, effect: { ...found.effect, isGapEvent: false } };
              },
          },
        },
        reason: /what the gap hid is read/,
      },
    ],
  },
  {
    behavior: 'a full resync finds what was deleted',
    scenario: unreportedDeletionIsFound,
    mutants: [
      {
        name: 'accounts that a full resync did not bring are not looked up',
        replace: { 'resync/pages.ts': { readMissing: () => async function* () {} } },
        reason: /the unreported purge is found/,
      },
    ],
  },
  {
    behavior: 'an expired position loses no change',
    scenario: expiredPositionIsRead,
    mutants: [
      {
        name: 'an expired position is given up without a resync',
        replace: {
          'incidents/detected-gaps.ts': {
            repairByResync:
              (repair) =>
              async (context, client, { cause, ...request }) =>
                cause === 'position lost' ? '' : repair(context, client, { cause, ...request }),
          },
        },
        reason: /what expired is read/,
      },
    ],
  },
  {
    behavior: 'a code that Salesforce already has is adopted',
    scenario: heldCodeIsAdopted,
    mutants: [
      {
        name: 'a code is written over the one that Salesforce has',
        replace: {
          'salesforce/signup-codes.ts': {
            readCodes:
              (read) =>
              async (...args) =>
                new Map([...(await read(...args))].map(([id, held]) => [id, { ...held, code: null }])),
          },
        },
        reason: /the code of a person stays/,
      },
    ],
  },
  {
    behavior: 'a code that Salesforce refuses is not written',
    scenario: refusedCodeHasFailed,
    mutants: [
      {
        name: 'every result of a write counts as a success',
        replace: {
          'write-back/judge-result.ts': {
            judgeResult: (judge) => (waiting, result, context) =>
              judge(waiting, result === 'gone' ? result : { success: true }, context),
          },
        },
        reason: /the refusal is stored/,
      },
    ],
  },
]);
