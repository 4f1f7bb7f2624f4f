import { Type } from 'typebox';
import { EventSchema } from './event.ts';
import { Named, NextCursor, NullableInteger, NullableText, NullableTime, OneOf, Time } from './values.ts';

const historyKinds = ['event', 'reading', 'folded'] as const;

const Value = (description: string, examples: unknown[]) =>
  Type.Unsafe<string | number | boolean | null>({
    type: ['string', 'number', 'boolean', 'null'],
    description,
    examples,
  });

export const FieldChangeSchema = Type.Object(
  {
    field: Type.String({
      description: 'The API name; a part of a compound field as `BillingAddress.City`.',
      examples: ['BillingAddress.City'],
    }),
    before: Type.Optional(Value('The previous value; absent if unknown.', ['Oslo'])),
    after: Value('The new value; null if the field is empty.', ['Bergen']),
  },
  { $id: 'FieldChange', description: 'A changed field.' },
);

const Changes = (description: string) => Type.Array(Named(FieldChangeSchema), { description });

/** The origin of a change. */
const origin = {
  kind: OneOf(historyKinds, {
    description:
      '`event`: a change event. `reading`: a read from Salesforce that changed the record or started its history. `folded`: earlier changes that are no longer stored individually.',
  }),
  version: Type.String({
    description: 'The position in the history; opaque.',
    examples: ['1795428000000.1795428000123456789.1.0'],
  }),
  commitTimestamp: Time({ description: 'The commit time in Salesforce.' }),
  id: NullableText({ description: 'The number of the event in the log.', examples: ['48213'] }),
  eventId: NullableText({ description: 'The id of the event assigned by Salesforce.' }),
  changeType: NullableText({ examples: ['UPDATE'] }),
  transactionKey: NullableText({
    description: 'The Salesforce transaction: see `GET /v1/transactions/{key}`.',
  }),
  sequenceNumber: NullableInteger({ description: 'The position in its transaction, starting at 1.' }),
  commitNumber: NullableText({ description: 'A string, because it exceeds 2^53.' }),
  commitUser: NullableText({
    description: 'The id of the user who made the change.',
    examples: ['005al000001AAAAAA2'],
  }),
  changeOrigin: NullableText({
    description: 'The API and client that made the change.',
    examples: ['com/salesforce/api/rest/66.0;client=Import'],
  }),
  receivedAt: NullableTime({ description: 'When Tidemark received the event.' }),
  readAt: NullableTime({ description: 'For a `reading`: when the request was sent.' }),
  resyncId: NullableText({ description: 'For a `reading`: the resync that it belonged to, if any.' }),
};

export const AccountEventSchema = Type.Object(
  {
    ...origin,
    state: OneOf(['applied'], { description: 'The history contains only applied changes.' }),
    recordIds: Type.Array(Type.String(), { description: 'The records affected by the event.' }),
    changedFields: Type.Array(Type.String(), { description: 'The fields listed in an UPDATE.' }),
    changes: Changes('The changed fields. Fields set to their previous value are not included.'),
  },
  { $id: 'AccountEvent', description: 'A change in the history of an account.' },
);

export const FieldWriteSchema = Type.Object(
  { ...origin, ...FieldChangeSchema.properties },
  { $id: 'FieldWrite', description: 'A write to a field.' },
);

export const AccountDiffSchema = Type.Object(
  {
    accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
    from: Time(),
    to: Time(),
    changes: Changes('The fields that differ. Before its creation, all fields of an account are empty.'),
  },
  { $id: 'AccountDiff', description: 'The difference between the states of an account at two times.' },
);

export const TransactionEventSchema = Type.Object(
  {
    ...EventSchema.properties,
    accounts: Type.Array(
      Type.Object({
        id: Type.String({ examples: ['001al00000K3N1wAAF'] }),
        changes: Changes('The changed fields.'),
      }),
      {
        description: 'The changed accounts; empty if the event is not applied or affects other objects.',
      },
    ),
  },
  { $id: 'TransactionEvent', description: 'An event of a Salesforce transaction.' },
);

export const TransactionSchema = Type.Object(
  {
    key: Type.String({ examples: ['0005a2c1-4b1e-b0fc-2f3c-1c1e4f0a9d55'] }),
    complete: Type.Boolean({
      description:
        'Whether all of its events have been received and applied. Salesforce does not mark the end of a transaction: it is detected by the next transaction or a quiet period.',
    }),
    commitTimestamp: NullableTime(),
    commitUser: NullableText({ examples: ['005al000001AAAAAA2'] }),
    changeOrigin: NullableText(),
    data: Type.Array(Named(TransactionEventSchema), {
      description: 'Its events by sequence number. Numbers of changes to other objects are missing.',
    }),
    nextCursor: NextCursor,
  },
  { $id: 'Transaction', description: 'A Salesforce transaction, as received in change events.' },
);
