import { Type } from 'typebox';
import { faultSwitch, type SwitchContext } from './fault.ts';
import { frequency } from './parameters.ts';

/** Faults of webhooks between the org and their receiver. */
export function webhookSwitches(context: SwitchContext) {
  const kind = Type.Optional(
    Type.Enum(['change-events', 'outbound-messages'], { description: 'only this kind of webhook' }),
  );
  const parameters = { kind, ...frequency };
  return {
    duplicate: faultSwitch(context, 'A request is delivered twice.', parameters),
    reordered: faultSwitch(context, 'A request is sent after the next one.', parameters),
    dropAnswer: faultSwitch(
      context,
      'The response to a request is lost: the request is sent again, although it was accepted.',
      parameters,
    ),
  };
}

export type WebhookSwitches = ReturnType<typeof webhookSwitches>;
export type WebhookKind = 'change-events' | 'outbound-messages';
