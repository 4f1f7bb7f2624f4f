import type { WebhookSwitches } from '../faults/webhook-faults.ts';
import type { SimulatorOrg } from '../org/org.ts';
import { type RelayOptions, type Sender, startEventRelay } from './event-relay.ts';
import {
  type OutboundContext,
  type OutboundMessageOptions,
  startOutboundMessages,
} from './outbound-messages.ts';

/** The senders of webhooks. */
export function createWebhooks(
  org: SimulatorOrg,
  faults: WebhookSwitches,
  now: () => number,
  url: () => string,
) {
  const senders = new Set<Sender>();
  const outbound: OutboundContext = { org, audit: org.audit, faults, now, url, lastId: 0 };
  const added = (sender: Sender): Sender => {
    const own: Sender = {
      ...sender,
      stop() {
        senders.delete(own);
        sender.stop();
      },
    };
    senders.add(own);
    return own;
  };
  return {
    /** Sends the change events of a topic from now on. */
    relayEvents: (options: RelayOptions): Sender =>
      added(startEventRelay({ bus: org.bus, faults, now }, options)),
    /** Sends outbound messages for every account that changes from now on. */
    sendOutboundMessages: (options: OutboundMessageOptions): Sender =>
      added(startOutboundMessages(outbound, options)),
    senders: () => [...senders].map((sender) => sender.state()),
    /** Stops all and returns their number. */
    stop(): number {
      const stopped = senders.size;
      for (const sender of [...senders]) sender.stop();
      return stopped;
    },
  };
}

export type Webhooks = ReturnType<typeof createWebhooks>;
