import { changeEventSchemaOf } from '../pubsub/avro-schema.ts';
import { bitmapElements } from '../pubsub/bitmap.ts';
import type { Bus } from '../pubsub/bus.ts';
import type { ChangeEvent, EventBody, RecordChangeType } from '../pubsub/change-event.ts';
import { createEventEncoder } from '../pubsub/change-event-codec.ts';
import { type EventEntity, headerOnly } from './commit.ts';
import { mintId } from './record-id.ts';

/**
 * The change events of contacts, opportunities and leads, which have no records. Their schemas have only a few
 * fields. Registers their topics and schemas.
 */
export function addOtherObjects(bus: Bus): OtherObjects {
  const entities = {
    Contact: addObject(bus, 'Contact'),
    Opportunity: addObject(bus, 'Opportunity'),
    Lead: addObject(bus, 'Lead'),
  };
  let lastOrdinal = 1_000_000;
  return {
    entities,
    nextId(object) {
      lastOrdinal += 1;
      return mintId(KEY_PREFIXES[object], lastOrdinal);
    },
  };
}

/** `/data/ContactChangeEvent` */
export function topicOf(object: string): string {
  return `/data/${object}ChangeEvent`;
}

/** The change event of one record of another object, with its values. */
export function otherChange(
  object: OtherObject,
  changeType: RecordChangeType,
  recordId: string,
  values: EventBody,
): ChangeEvent {
  const event = headerOnly(changeType, [recordId]);
  if (changeType === 'DELETE') return event;
  if (changeType !== 'UPDATE') return { ...event, body: values };
  const positions = FIELDS[object].flatMap(({ name }, index) => (name in values ? index + 1 : []));
  return { ...event, body: values, changedFields: bitmapElements({ fields: positions, parts: new Map() }) };
}

export const OTHER_OBJECTS = ['Contact', 'Opportunity', 'Lead'] as const;

function addObject(bus: Bus, name: OtherObject): EventEntity {
  const topic = topicOf(name);
  const schema = changeEventSchemaOf(name, FIELDS[name]);
  bus.registerSchema(schema.id, schema.json);
  bus.addTopic({ name: topic, carries: new Set([topic]), schemaId: () => schema.id });
  return { name, topic, writer: { schemaId: schema.id, encode: createEventEncoder(schema.json) } };
}

const KEY_PREFIXES: Readonly<Record<OtherObject, string>> = {
  Contact: '003',
  Opportunity: '006',
  Lead: '00Q',
};

const PERSON_NAME = {
  type: 'record',
  name: 'PersonName',
  fields: ['Salutation', 'FirstName', 'LastName'].map((name) => ({
    name,
    type: ['null', 'string'],
    default: null,
  })),
} as const;

const text = (name: string, doc = 'Data:Text') => ({ name, type: ['null', 'string'], doc, default: null });
const reference = (name: string) => text(name, 'ForeignKey:EntityId');
const time = (name: string, doc = 'Data:DateTime') => ({ name, type: ['null', 'long'], doc, default: null });
const personName = { name: 'Name', type: ['null', PERSON_NAME], doc: 'Data:PersonName', default: null };
const stamps = [
  reference('OwnerId'),
  time('CreatedDate', 'CreatedDate:DateTime'),
  reference('CreatedById'),
  time('LastModifiedDate'),
  reference('LastModifiedById'),
];

const FIELDS: Readonly<Record<OtherObject, readonly { readonly name: string }[]>> = {
  Contact: [reference('AccountId'), personName, text('Email', 'Data:Email'), text('Title'), ...stamps],
  Opportunity: [
    reference('AccountId'),
    text('Name'),
    text('StageName', 'Data:DynamicEnum'),
    { name: 'Amount', type: ['null', 'double'], doc: 'Data:Currency', default: null },
    time('CloseDate', 'Data:DateOnly'),
    ...stamps,
  ],
  Lead: [
    personName,
    text('Company'),
    text('Status', 'Data:DynamicEnum'),
    { name: 'IsConverted', type: ['null', 'boolean'], doc: 'Data:Boolean', default: null },
    time('ConvertedDate', 'Data:DateOnly'),
    reference('ConvertedAccountId'),
    reference('ConvertedContactId'),
    reference('ConvertedOpportunityId'),
    ...stamps,
  ],
};

type OtherObject = (typeof OTHER_OBJECTS)[number];

export type OtherObjects = {
  readonly entities: Readonly<Record<OtherObject, EventEntity>>;
  nextId(object: OtherObject): string;
};
