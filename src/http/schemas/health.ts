import { Type } from 'typebox';
import { healthStates } from '../../health/verdict.ts';
import { NullableInteger, NullableTime, OneOf } from './values.ts';

const Reason = Type.Object({
  code: Type.String({
    description:
      'Stable: `database-unreachable`, `database-full`, `database-read-only`, `database-locked`, `database-failed`, `database-columns-missing`, `not-started`, `no-leader`, `initial-load`, `stream-stopped`, `stream-down`, `stream-not-open`, `apply-failing`, `changes-waiting`; and, while changes are mirrored, `catching-up`, `topic-without-account`, `topic-without-contact`, `incidents`, `differences`, `resync-needs-confirmation`, `codes-failed`, `api-budget`, `write-back-paused`, `write-back-waiting`, `comparison-failed`, `repair-failed`, `rereads-failing`, `maintenance-failed`, `clock-difference`, `replica-unavailable`. New codes may be added.',
    examples: ['stream-stopped'],
  }),
  message: Type.String({ description: 'What is wrong, including the message of Salesforce or PostgreSQL.' }),
  since: NullableTime({ description: 'When it started; null if unknown.' }),
  action: Type.String({ description: 'What an operator can do about it.' }),
});

/** The members of the status that describe the health of the mirror. */
export const healthMembers = {
  health: OneOf(healthStates, {
    description:
      '`healthy`: the mirror is current. `degraded`: changes are mirrored, but something needs attention. `down`: changes are not being mirrored.',
  }),
  reasons: Type.Array(Reason, {
    description: 'Why the mirror is not healthy, the most serious reason first; empty if it is healthy.',
  }),
  freshThrough: NullableTime({
    description:
      'All changes up to this time are in the mirror; null before the initial load. While earlier changes are still being received, the commit time of the newest applied change.',
  }),
  lagMilliseconds: NullableInteger({
    description: 'Time since `freshThrough`; null if unknown.',
  }),
  verifiedThrough: NullableTime({
    description:
      'A verification has shown that the mirror equals Salesforce up to this time; null if there was none.',
  }),
};
