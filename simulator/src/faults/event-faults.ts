import { Type } from 'typebox';
import type { FieldValue } from '../org/model.ts';
import { ALL_CHANGES, EVERY_ACCOUNT, type SimulatorOrg } from '../org/org.ts';
import type { OrgFaults } from '../org/org-faults.ts';
import { OTHER_OBJECTS, otherChange } from '../org/other-objects.ts';
import type { BusEvent } from '../pubsub/bus-events.ts';
import type { ChangeEvent, EventBody } from '../pubsub/change-event.ts';
import { faultAct, faultSwitch, type SwitchContext } from './fault.ts';
import { delayMs, frequency, recordIds } from './parameters.ts';

/** Faults of change events between the change and the bus. */
export function eventSwitches(context: SwitchContext, channels: readonly string[]) {
  return {
    undecodable: faultSwitch(
      context,
      'Events have bytes that cannot be decoded: cut short, flipped, or under the schema id of another schema.',
      { how: Type.Enum(['cut', 'flipped', 'unknown-schema', 'other-schema']), ...WHICH, ...frequency },
    ),
    gap: faultSwitch(
      context,
      'Changes become GAP_CREATE, GAP_UPDATE, GAP_DELETE or GAP_UNDELETE events, without values.',
      { ...WHICH, ...frequency },
    ),
    lost: faultSwitch(context, 'Changes never reach the bus; their sequence numbers are skipped.', {
      ...WHICH,
      ...frequency,
    }),
    reordered: faultSwitch(
      context,
      'The events of a transaction are in the reverse order of their sequence numbers.',
      frequency,
    ),
    overflow: faultSwitch(
      context,
      'After a number of changes (each field of an update counts), one GAP_OVERFLOW replaces the rest of a transaction.',
      { after: Type.Integer({ minimum: 0 }), ...frequency },
    ),
    delayed: faultSwitch(context, 'The events of a transaction and those after them are delayed.', {
      delayMs,
      ...frequency,
    }),
    enriched: faultSwitch(
      context,
      'A channel carries an update or deletion of several records as one event per record under one replay id, with fields that did not change.',
      {
        channel: Type.Enum([ALL_CHANGES, ...channels]),
        fields: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { maxItems: 10 })),
        sharesEventId: Type.Optional(Type.Boolean()),
      },
    ),
  };
}

/** Events without a change in the org, and unusual changes. */
export function eventActs(org: SimulatorOrg, now: () => number) {
  return {
    publishGap: faultAct(
      'A gap event without a change in the org, by default for every account.',
      {
        changeType: Type.Enum(['GAP_CREATE', 'GAP_UPDATE', 'GAP_DELETE', 'GAP_UNDELETE', 'GAP_OVERFLOW']),
        recordIds: Type.Optional(Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })),
      },
      ({ changeType, recordIds: ids = [EVERY_ACCOUNT] }) => {
        org.publishGap(changeType, changeType === 'GAP_OVERFLOW' ? ['000000000000000AAA'] : ids);
        return { changeType };
      },
    ),
    publishOther: faultAct(
      'A change of a contact, an opportunity or a lead, on its own topic and on the channels.',
      {
        object: Type.Enum([...OTHER_OBJECTS]),
        changeType: Type.Optional(Type.Enum(['CREATE', 'UPDATE', 'DELETE', 'UNDELETE'])),
        recordId: Type.Optional(Type.String({ minLength: 18, maxLength: 18 })),
      },
      ({ object, changeType = 'CREATE', recordId = org.others.nextId(object) }) => {
        const time = BigInt(Math.floor(now() / 1000) * 1000);
        const userId = org.named.admin.id;
        const values: EventBody = { OwnerId: userId, LastModifiedDate: time, LastModifiedById: userId };
        const event = otherChange(object, changeType, recordId, values);
        org.publish([{ entity: org.others.entities[object], event }], userId);
        return { recordId };
      },
    ),
    huge: faultAct(
      'An account with this number of characters in long text fields, which are added if necessary.',
      { characters: Type.Optional(Type.Integer({ minimum: 1000, maximum: 1_040_000 })) },
      ({ characters = 1_000_000 }) => ({ recordId: createHugeAccount(org, characters) }),
    ),
  };
}

export function eventFaults(events: EventSwitches, otherSchemaId: () => string): OrgFaults {
  return {
    overflowAfter: () => events.overflow.strike()?.after,
    isGap: (event) => events.gap.strike(concerns(event)) !== undefined,
    isLost: (event) => events.lost.strike(concerns(event)) !== undefined,
    garble(event) {
      const garbling = events.undecodable.strike(concerns(event));
      return garbling && ((encoded) => garbled(encoded, garbling.how, otherSchemaId()));
    },
    isReordered: () => events.reordered.strike() !== undefined,
    enrichments: () =>
      events.enriched
        .all()
        .map(({ channel, fields = [], sharesEventId = false }) => ({ channel, fields, sharesEventId })),
    delayMs: () => events.delayed.strike()?.delayMs ?? 0,
  };
}

function concerns(event: ChangeEvent) {
  return (which: { readonly changeTypes?: readonly string[]; readonly recordIds?: readonly string[] }) =>
    (which.changeTypes?.some((type) => type === event.changeType) ?? true) &&
    (which.recordIds?.some((id) => event.recordIds.includes(id)) ?? true);
}

function garbled(event: BusEvent, how: string, otherSchemaId: string): BusEvent {
  switch (how) {
    case 'cut':
      return { ...event, payload: event.payload.subarray(0, event.payload.length >> 1) };
    case 'flipped':
      return { ...event, payload: event.payload.map((byte) => byte ^ 0xff) };
    case 'other-schema':
      return { ...event, schemaId: otherSchemaId };
    default:
      return { ...event, schemaId: UNKNOWN_SCHEMA_ID };
  }
}

function createHugeAccount(org: SimulatorOrg, characters: number): string {
  const values: Record<string, FieldValue> = { Name: `Huge, ${characters} characters` };
  for (let rest = characters, number = 1; rest > 0; number += 1) {
    const name = `LongText${number}__c`;
    if (org.field(name) === undefined) org.addField({ name, type: 'textarea', length: MAX_TEXT_LENGTH });
    const size = Math.min(rest, MAX_TEXT_LENGTH);
    const lines = 'Lorem ipsum dolor sit amet\n'.repeat(Math.ceil(size / 27));
    values[name] = `${lines.slice(0, size - 1)}.`;
    rest -= size;
  }
  const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
  const result = org.transaction(caller, (tx) => tx.insert(values));
  if (!result.success) throw new Error(result.errors[0]?.message ?? 'the huge account was refused');
  return result.id;
}

/** Of a long text area, in characters. */
const MAX_TEXT_LENGTH = 131_072;
const UNKNOWN_SCHEMA_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

const WHICH = {
  recordIds,
  changeTypes: Type.Optional(
    Type.Array(Type.Enum(['CREATE', 'UPDATE', 'DELETE', 'UNDELETE']), { minItems: 1 }),
  ),
};

type EventSwitches = ReturnType<typeof eventSwitches>;
