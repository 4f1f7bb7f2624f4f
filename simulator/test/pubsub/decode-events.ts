import avsc from 'avsc';
import type { Bus } from '../../src/pubsub/bus.ts';
import { bigintLong, type ChangeEventHeader } from '../../src/pubsub/change-event-codec.ts';

/** Everything on a topic, decoded with the writer schema of each event; null fields are left out. */
export function decodeEvents(bus: Bus, topic = '/data/AccountChangeEvent'): DecodedEvent[] {
  return bus
    .read(topic, bus.earliest(), { events: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY })
    .events.map(({ schemaId, payload, replayId }) => {
      const { ChangeEventHeader: header, ...fields } = decode(bus, schemaId, payload);
      const present = Object.entries(fields).filter(([, value]) => value !== null);
      return { header, fields: Object.fromEntries(present), schemaId, replayId };
    });
}

function decode(bus: Bus, schemaId: string, payload: Uint8Array) {
  return decodePayload(bus.schema(schemaId) ?? 'null', payload);
}

/** One event under its writer schema; throws where the bytes do not fit it. */
export function decodePayload(schemaJson: string, payload: Uint8Array) {
  const type = avsc.Type.forSchema(JSON.parse(schemaJson), { registry: { long: bigintLong() } });
  return type.fromBuffer(Buffer.from(payload));
}

export type DecodedEvent = {
  readonly header: ChangeEventHeader;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly schemaId: string;
  readonly replayId: Uint8Array;
};
