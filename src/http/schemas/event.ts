import { Type } from 'typebox';
import {
  JsonObject,
  Named,
  NullableInteger,
  NullableObject,
  NullableText,
  NullableTime,
  OneOf,
  Time,
} from './values.ts';

export const eventStates = ['stored', 'applied', 'skipped', 'failed', 'repaired', 'dismissed'] as const;

const Names = (description: string) => Type.Array(Type.String(), { description });

const base = {
  id: Type.String({
    description: 'The number of the event in the log, in the order of arrival.',
    examples: ['48213'],
  }),
  eventId: Type.String({ description: 'The id assigned by Salesforce.' }),
  state: OneOf(eventStates, {
    description:
      '`stored`: queued. `applied`: merged into the mirror. `skipped`: no mirrored record is affected, or the event is a duplicate (see `duplicateOf`). `failed`: see `error`. `repaired`: it failed, and its records were then read from Salesforce. `dismissed`: it failed, and a person dismissed the failure (see `dismissal`).',
  }),
  error: NullableText(),
  receivedAt: Time(),
  appliedAt: NullableTime(),
  changeType: NullableText({ examples: ['UPDATE'], description: 'Null until the event is decoded.' }),
  recordIds: Names('The affected records.'),
  transactionKey: NullableText(),
  sequenceNumber: NullableInteger({ description: 'The position in its transaction, starting at 1.' }),
  commitTimestamp: NullableTime(),
  commitNumber: NullableText({ description: 'A string, because it exceeds 2^53.' }),
  commitUser: NullableText({ description: 'The id of the user who made the change.' }),
  changeOrigin: NullableText(),
  changedFields: Names('Fields changed by an UPDATE; parts of compound fields as `BillingAddress.City`.'),
};

export const EventSchema = Type.Object(
  {
    ...base,
    topic: Type.String(),
    source: Type.String({ examples: ['stream'], description: '`stream` or `webhook`.' }),
    schemaId: Type.String({
      description:
        'The id of the Avro schema; for JSON `json:` and the id of the schema used to parse it; or `outbound-message`.',
    }),
    position: NullableText({ description: 'The position in the order of application.' }),
    entityName: NullableText({ examples: ['Account'] }),
    duplicateOf: NullableText({
      description: 'The earlier event of the log with the same change, from the stream or a webhook.',
    }),
    dismissal: NullableObject(
      {
        by: Type.String({ description: 'The name of the API key.' }),
        at: Time(),
        reason: NullableText(),
      },
      'Who dismissed the failure, when and why; null in other states.',
    ),
  },
  { $id: 'Event', description: 'A change event in the log.' },
);

export const DecodedHeaderSchema = Type.Object(
  {
    entityName: Type.String(),
    recordIds: Names('The affected records.'),
    changeType: Type.String(),
    changeOrigin: Type.String(),
    transactionKey: Type.String(),
    sequenceNumber: Type.Integer(),
    commitTimestamp: Time(),
    commitNumber: Type.String(),
    commitUser: Type.String(),
    nulledFields: Names('Fields set to null.'),
    diffFields: Names('Long text fields sent as a diff.'),
    changedFields: Names('Fields changed by an UPDATE.'),
  },
  {
    $id: 'ChangeEventHeader',
    description: 'The header of a change event, with bitmaps decoded to field names.',
  },
);

export const DecodedEventSchema = Type.Object(
  {
    header: Named(DecodedHeaderSchema),
    fields: JsonObject({ description: 'The values; for an UPDATE only the changed fields.' }),
  },
  { $id: 'DecodedEvent', description: 'The decoded payload.' },
);

export const EventDetailSchema = Type.Object(
  {
    ...EventSchema.properties,
    decoded: Type.Union([Named(DecodedEventSchema), Type.Null()], {
      description: 'The decoded payload; null if it cannot be decoded.',
    }),
    decodeError: NullableText({ description: 'Why the payload cannot be decoded.' }),
    payload: Type.String({ contentEncoding: 'base64', description: 'The received payload, in base64.' }),
    replayId: NullableText({ contentEncoding: 'base64', description: 'Opaque, in base64.' }),
  },
  { $id: 'EventDetail', description: 'A change event with its decoded payload.' },
);
