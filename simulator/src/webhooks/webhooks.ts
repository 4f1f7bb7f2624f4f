import type { WebhookSwitches } from '../faults/webhook-faults.ts';
import type { SimulatorOrg } from '../org/org.ts';
import { type RelayOptions, type Sender, startEventRelay } from './event-relay.ts';
import {
  type OutboundMessageOptions,
  type OutboundWorld,
  startOutboundMessages,
} from './outbound-messages.ts';

/** What the org sends to others by HTTP; the same over HTTP under `/simulator/webhooks`. */
export type Webhooks = {
  /** Sends the change events of a topic from now on. */
  relay(options: RelayOptions): Sender;
  /** Tells of every account that changes from now on. */
  tell(options: OutboundMessageOptions): Sender;
  senders(): readonly ReturnType<Sender['state']>[];
  /** Stops all and says how many. */
  stop(): number;
};

export function createWebhooks(
  org: SimulatorOrg,
  faults: WebhookSwitches,
  now: () => number,
  url: () => string,
): Webhooks {
  const senders = new Set<Sender>();
  const outbound: OutboundWorld = { org, audit: org.audit, faults, now, url, lastId: 0 };
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
    relay: (options) => added(startEventRelay({ bus: org.bus, faults, now }, options)),
    tell: (options) => added(startOutboundMessages(outbound, options)),
    senders: () => [...senders].map((sender) => sender.state()),
    stop() {
      const stopped = senders.size;
      for (const sender of [...senders]) sender.stop();
      return stopped;
    },
  };
}
