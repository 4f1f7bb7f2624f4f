import { Type } from 'typebox';
import { healthStates } from '../../health/verdict.ts';
import { NullableInteger, NullableTime, OneOf } from './values.ts';

const Reason = Type.Object({
  code: Type.String({
    description:
      'Stable: `database-unreachable`, `database-full`, `database-read-only`, `database-locked`, `database-failed`, `database-columns-missing`, `not-started`, `no-leader`, `initial-load`, `stream-stopped`, `stream-down`, `stream-not-open`, `apply-failing`, `changes-waiting`; and, while changes are mirrored, `catching-up`, `topic-without-account`, `incidents`, `differences`, `resync-needs-confirmation`, `codes-failed`, `api-budget`, `write-back-paused`, `write-back-waiting`, `comparison-failed`, `repair-failed`, `rereads-failing`, `maintenance-failed`, `clock-difference`, `replica-unavailable`. New codes may be added.',
    examples: ['stream-stopped'],
  }),
  message: Type.String({ description: 'What is wrong, with the words of Salesforce or PostgreSQL.' }),
  since: NullableTime({ description: 'When it began; null if that is unknown.' }),
  action: Type.String({ description: 'What an operator does about it.' }),
});

/** The first members of the status. */
export const healthMembers = {
  health: OneOf(healthStates, {
    description:
      '`healthy`: the mirror is current. `degraded`: changes are mirrored, but something needs attention. `down`: changes are not being mirrored.',
  }),
  reasons: Type.Array(Reason, {
    description: 'Why it is not healthy, the most serious first; empty if it is.',
  }),
  freshThrough: NullableTime({
    description:
      'All changes up to this moment are in the mirror; null before the initial load. While earlier changes are still being received, it is the commit time of the newest one that was applied.',
  }),
  lagMilliseconds: NullableInteger({
    description: 'Time since `freshThrough`; null while that is unknown.',
  }),
  verifiedThrough: NullableTime({
    description:
      'A comparison has shown the mirror to equal Salesforce up to this moment; null if there was none.',
  }),
};
