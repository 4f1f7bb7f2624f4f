import { Type } from 'typebox';
import { ALL_CHANGES } from '../org/org.ts';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed, delayMs } from './parameters.ts';

/** What can go wrong with the change events of an org, from the moment of a change on. */
export function eventSwitches(context: SwitchContext, channels: readonly string[]) {
  return {
    undecodable: faultSwitch(
      context,
      'Events go out with bytes that cannot be decoded: cut short, flipped, or under a schema that is not theirs.',
      Type.Object(
        { how: Type.Enum(['cut', 'flipped', 'unknown-schema', 'other-schema']), ...which, ...often },
        closed,
      ),
    ),
    gap: faultSwitch(
      context,
      'Changes are told as GAP_CREATE, GAP_UPDATE, GAP_DELETE or GAP_UNDELETE, without values.',
      Type.Object({ ...which, ...often }, closed),
    ),
    lost: faultSwitch(
      context,
      'Changes never reach the bus; their sequence numbers are left out.',
      Type.Object({ ...which, ...often }, closed),
    ),
    reordered: faultSwitch(
      context,
      'The events of a transaction come in the reverse order of their sequence numbers.',
      Type.Object({ ...often }, closed),
    ),
    overflow: faultSwitch(
      context,
      'A transaction tells so many changes, a field of an update each, and one GAP_OVERFLOW for the rest.',
      Type.Object({ after: Type.Integer({ minimum: 0 }), ...often }, closed),
    ),
    delayed: faultSwitch(
      context,
      'The events of a transaction are visible so much later; those behind them wait too.',
      Type.Object({ delayMs, ...often }, closed),
    ),
    enriched: faultSwitch(
      context,
      'A channel tells updates and deletions record by record under one replay id, with fields that did not change.',
      Type.Object(
        {
          channel: Type.Enum([ALL_CHANGES, ...channels]),
          fields: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 10 })),
          sharesEventId: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
  };
}

/** Narrows a fault to some events; all unless told. */
const which = {
  recordIds: Type.Optional(
    Type.Array(Type.String({ minLength: 18, maxLength: 18 }), {
      minItems: 1,
      description: 'only events that name one of these',
    }),
  ),
  changeTypes: Type.Optional(
    Type.Array(Type.Enum(['CREATE', 'UPDATE', 'DELETE', 'UNDELETE']), { minItems: 1 }),
  ),
};

export type EventSwitches = ReturnType<typeof eventSwitches>;
