import { randomUUID } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import type { Bus } from '../pubsub/bus.ts';
import { counterOf, type DeliveredEvent } from '../pubsub/bus-events.ts';
import { createDelivery, type DeliveryOptions, type DeliveryState, type Parcel } from './delivery.ts';
import { createJsonEvents, type JsonPayload } from './json-event.ts';

export type RelayShape = 'cometd' | 'payload' | 'eventbridge';

export type RelayOptions = Pick<DeliveryOptions, 'url' | 'retryMs'> & {
  /** Of Standard Webhooks, `whsec_…`. */
  readonly secret: string;
  /** `cometd` by default. */
  readonly shape?: RelayShape;
  /** Events of a request, 100 by default; 1 sends an event instead of a list. */
  readonly batchSize?: number;
  /** `/data/AccountChangeEvent` by default. */
  readonly topic?: string;
};

/**
 * Sends new events of a topic to a URL as JSON, in order, signed by Standard Webhooks. Events that cannot be decoded
 * are skipped.
 */
export function startEventRelay(world: RelayContext, options: RelayOptions): Sender {
  const { bus } = world;
  const { batchSize = 100, secret, shape = 'cometd', topic = '/data/AccountChangeEvent' } = options;
  const delivery = createDelivery({
    ...world,
    ...options,
    kind: 'change-events',
    isAccepted: (status) => status >= 200 && status < 300,
  });
  const signer = new Webhook(secret);
  const readers = new Map<string, (payload: Uint8Array) => JsonPayload>();
  let next = bus.latest();
  let running = false;
  let stopped = false;

  function jsonOf(event: DeliveredEvent): object | undefined {
    try {
      const read = readers.get(event.schemaId) ?? createJsonEvents(bus.schema(event.schemaId) ?? '');
      readers.set(event.schemaId, read);
      return shaped(shape, event, read(event.payload));
    } catch {
      return undefined;
    }
  }

  function parcelOf(events: readonly object[]): Parcel {
    const id = `msg_${randomUUID().replaceAll('-', '')}`;
    const body = JSON.stringify(batchSize === 1 ? events[0] : events);
    const make = () => {
      const at = new Date();
      const headers = {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
        'webhook-signature': signer.sign(id, at, body),
      };
      return { headers, body };
    };
    return { make, size: events.length };
  }

  async function run(): Promise<void> {
    let held: Parcel | undefined;
    while (!stopped) {
      const batch = bus.read(topic, next, { events: batchSize, bytes: 1_000_000 });
      if (batch.next === next) break;
      next = batch.next;
      const events = batch.events.map(jsonOf).filter((event) => event !== undefined);
      if (events.length === 0) continue;
      const parcel = parcelOf(events);
      if (held === undefined && delivery.isReordered()) {
        held = parcel;
        continue;
      }
      await delivery.send(parcel);
      if (held !== undefined) await delivery.send(held);
      held = undefined;
    }
    if (held !== undefined) await delivery.send(held);
  }

  function wake(): void {
    if (running || stopped) return;
    running = true;
    setImmediate(async () => {
      await run();
      running = false;
      if (bus.latest() > next) wake();
    });
  }

  const unlisten = bus.onAppend(wake);
  return {
    state: () => ({ ...delivery.state(), waiting: bus.latest() - next + (running ? 1 : 0) }),
    stop() {
      stopped = true;
      unlisten();
      delivery.stop();
    },
  };
}

function shaped(shape: RelayShape, event: DeliveredEvent, payload: JsonPayload): object {
  if (shape === 'payload') return payload;
  if (shape === 'cometd') {
    const replayId = Number(counterOf(event.replayId) ?? 0n);
    return { schema: event.schemaId, payload, event: { replayId, EventUuid: event.id } };
  }
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'AccountChangeEvent',
    source: 'aws.partner/salesforce.com/simulator',
    account: '000000000000',
    time: new Date().toISOString(),
    region: 'us-east-1',
    resources: [],
    detail: { payload },
  };
}

type RelayContext = Pick<DeliveryOptions, 'faults' | 'now'> & { readonly bus: Bus };

/** A sender of webhooks. */
export type Sender = {
  state(): DeliveryState & {
    /** Events or notifications in progress or waiting; 0 if all were delivered or abandoned. */
    readonly waiting: number;
  };
  stop(): void;
};
