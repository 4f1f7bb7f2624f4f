import { Type } from 'typebox';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed, delayMs } from './parameters.ts';

/** What can go wrong with bulk query jobs and their results. What REST requests meet, they meet too. */
export function bulkSwitches(context: SwitchContext) {
  return {
    slow: faultSwitch(
      context,
      'New jobs take so much longer, half of it waiting, half in progress.',
      Type.Object({ delayMs, ...whichJob, ...often }, closed),
    ),
    hold: faultSwitch(
      context,
      'Jobs stay InProgress, their rows read, or as told before that, until this is switched off.',
      Type.Object({ state: Type.Optional(Type.Enum(['UploadComplete', 'InProgress'])), ...whichJob }, closed),
    ),
    fail: faultSwitch(
      context,
      'Jobs end as Failed, with an errorMessage.',
      Type.Object(
        { errorMessage: Type.Optional(Type.String({ minLength: 1 })), ...whichJob, ...often },
        closed,
      ),
    ),
    emptyResults: faultSwitch(
      context,
      'Jobs complete with an empty but valid result.',
      Type.Object({ ...whichJob, ...often }, closed),
    ),
    abort: faultSwitch(
      context,
      'Jobs are aborted by somebody before they complete.',
      Type.Object({ ...whichJob, ...often }, closed),
    ),
    vanish: faultSwitch(
      context,
      'Jobs that complete are not found any more, at once or after so many pages.',
      Type.Object({ afterPages: Type.Optional(Type.Integer({ minimum: 0 })), ...whichJob, ...often }, closed),
    ),
    smallPages: faultSwitch(
      context,
      'A page holds no more rows than so many, whatever was asked for.',
      Type.Object({ rows: Type.Integer({ minimum: 1 }), ...whichPage, ...often }, closed),
    ),
    cutPages: faultSwitch(
      context,
      'The connection breaks in the middle of a page, after so many rows.',
      Type.Object(
        { afterRows: Type.Optional(Type.Integer({ minimum: 0, default: 1 })), ...whichPage, ...often },
        closed,
      ),
    ),
    shortPages: faultSwitch(
      context,
      'A page ends cleanly, but with so many rows fewer than its Sforce-NumberOfRecords says; they never come.',
      Type.Object(
        { missing: Type.Optional(Type.Integer({ minimum: 1, default: 1 })), ...whichPage, ...often },
        closed,
      ),
    ),
    slowPages: faultSwitch(
      context,
      'A page comes in pieces of so many rows, a row unless told, each so much later.',
      Type.Object(
        { delayMs, rows: Type.Optional(Type.Integer({ minimum: 1 })), ...whichPage, ...often },
        closed,
      ),
    ),
  };
}

/** Narrows a fault to some jobs; all unless told. */
const whichJob = {
  query: Type.Optional(Type.String({ minLength: 1, description: 'only jobs whose query contains it' })),
  client: Type.Optional(Type.String({ minLength: 1, description: 'only by the client of this name' })),
};

/** Narrows a fault to some pages; all unless told. */
const whichPage = {
  fromRow: Type.Optional(
    Type.Integer({ minimum: 0, description: 'only pages that begin with this row or a later one' }),
  ),
};

export type BulkSwitches = ReturnType<typeof bulkSwitches>;
