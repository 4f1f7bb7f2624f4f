import { Type } from 'typebox';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed } from './parameters.ts';

/** What can go wrong on the way of webhooks, as networks and queues do it. */
export function webhookSwitches(context: SwitchContext) {
  const own = { ...which, ...often };
  return {
    duplicate: faultSwitch(context, 'A request is delivered twice.', Type.Object(own, closed)),
    reordered: faultSwitch(
      context,
      'A request waits until the next one has been delivered.',
      Type.Object(own, closed),
    ),
    dropAnswer: faultSwitch(
      context,
      'The answer to a request gets lost: it is sent again, although it was taken.',
      Type.Object(own, closed),
    ),
  };
}

/** Narrows a fault to one kind of webhook; both unless told. */
const which = { kind: Type.Optional(Type.Enum(['change-events', 'outbound-messages'])) };

export type WebhookSwitches = ReturnType<typeof webhookSwitches>;
export type WebhookKind = 'change-events' | 'outbound-messages';
