import { Type } from 'typebox';
import { JsonObject, Named, NullableInteger, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const eventStates = ['stored', 'applied', 'skipped', 'failed'] as const;

const Names = (description: string) => Type.Array(Type.String(), { description });

const base = {
  id: Type.String({ description: 'Its number in the log, in order of arrival.', examples: ['48213'] }),
  eventId: Type.String({ description: 'The id that Salesforce gave it.' }),
  state: OneOf(eventStates, {
    description:
      '`stored`: waits to be applied. `skipped`: concerns nothing mirrored, or is a copy, see `duplicateOf`. `failed`: see `error`.',
  }),
  error: NullableText(),
  receivedAt: Time(),
  appliedAt: NullableTime(),
  changeType: NullableText({ examples: ['UPDATE'], description: 'Null until the event is decoded.' }),
  recordIds: Names('The records it concerns.'),
  transactionKey: NullableText(),
  sequenceNumber: NullableInteger({ description: 'Its place in its transaction, from 1.' }),
  commitTimestamp: NullableTime(),
  commitNumber: NullableText({ description: 'A number beyond 2^53, hence a string.' }),
  commitUser: NullableText({ description: 'Id of the user who made the change.' }),
  changeOrigin: NullableText(),
  changedFields: Names('Fields that an UPDATE changed; parts of compounds as `BillingAddress.City`.'),
};

export const EventSchema = Type.Object(
  {
    ...base,
    topic: Type.String(),
    source: Type.String({ examples: ['stream'], description: '`stream` or `webhook`.' }),
    schemaId: Type.String({
      description:
        'Id of the Avro schema it was written with; `json:` and the id of the one that JSON was read by; `outbound-message`.',
    }),
    position: NullableText({ description: 'Its place in the order in which events took effect.' }),
    entityName: NullableText({ examples: ['Account'] }),
    duplicateOf: NullableText({
      description: 'The event of the log that told the same change before, by the stream or by a webhook.',
    }),
  },
  { $id: 'Event', description: 'A change event of the log.' },
);

export const DecodedHeaderSchema = Type.Object(
  {
    entityName: Type.String(),
    recordIds: Names('The records it concerns.'),
    changeType: Type.String(),
    changeOrigin: Type.String(),
    transactionKey: Type.String(),
    sequenceNumber: Type.Integer(),
    commitTimestamp: Time(),
    commitNumber: Type.String(),
    commitUser: Type.String(),
    nulledFields: Names('Fields that were set to null.'),
    diffFields: Names('Long texts that are sent as a difference.'),
    changedFields: Names('Fields that an UPDATE changed.'),
  },
  { $id: 'ChangeEventHeader', description: 'The header of a change event, with its bitmaps as names.' },
);

export const DecodedEventSchema = Type.Object(
  {
    header: Named(DecodedHeaderSchema),
    fields: JsonObject({ description: 'The values; of an UPDATE only the changed ones.' }),
  },
  { $id: 'DecodedEvent', description: 'What the payload says.' },
);

export const EventDetailSchema = Type.Object(
  {
    ...EventSchema.properties,
    decoded: Type.Union([Named(DecodedEventSchema), Type.Null()], {
      description: 'What the payload says; null if it can not be decoded.',
    }),
    decodeError: NullableText({ description: 'Why the payload can not be decoded.' }),
    payload: Type.String({ contentEncoding: 'base64', description: 'As received, in base64.' }),
    replayId: NullableText({ contentEncoding: 'base64', description: 'Opaque, in base64.' }),
  },
  { $id: 'EventDetail', description: 'A change event with what it says.' },
);
