import { Type } from 'typebox';
import { EventSchema } from './event.ts';
import { Named, NullableInteger, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const historyKinds = ['event', 'reading', 'folded'] as const;

const Value = (description: string, examples: unknown[]) =>
  Type.Unsafe<string | number | boolean | null>({
    type: ['string', 'number', 'boolean', 'null'],
    description,
    examples,
  });

export const FieldChangeSchema = Type.Object(
  {
    field: Type.String({
      description: 'Its Salesforce name; a part of a compound field as `BillingAddress.City`.',
      examples: ['BillingAddress.City'],
    }),
    before: Type.Optional(Value('What it held; left out where that is not known.', ['Oslo'])),
    after: Value('What it holds then; null where it is empty.', ['Bergen']),
  },
  { $id: 'FieldChange', description: 'A field that changed.' },
);

const Changes = (description: string) => Type.Array(Named(FieldChangeSchema), { description });

/** Who changed something, when and from where. */
const origin = {
  kind: OneOf(historyKinds, {
    description:
      '`event`: a change event of the log. `reading`: the record was read from Salesforce, and that changed or began what is known. `folded`: all that came before and is no longer kept one by one.',
  }),
  version: Type.String({
    description: 'Its place in the history; opaque.',
    examples: ['1795428000000.1795428000123456789.1.0'],
  }),
  commitTimestamp: Time({ description: 'When it was committed in Salesforce.' }),
  id: NullableText({ description: 'The number of the event in the log.', examples: ['48213'] }),
  eventId: NullableText({ description: 'The id that Salesforce gave the event.' }),
  changeType: NullableText({ examples: ['UPDATE'] }),
  transactionKey: NullableText({
    description: 'The Salesforce transaction: see `GET /v1/transactions/{key}`.',
  }),
  sequenceNumber: NullableInteger({ description: 'Its place in its transaction, from 1.' }),
  commitNumber: NullableText({ description: 'A number beyond 2^53, hence a string.' }),
  commitUser: NullableText({
    description: 'Id of the user who made the change.',
    examples: ['005al000001AAAAAA2'],
  }),
  changeOrigin: NullableText({
    description: 'Which API and client the change came through.',
    examples: ['com/salesforce/api/rest/66.0;client=Import'],
  }),
  receivedAt: NullableTime({ description: 'When the event reached us.' }),
  readAt: NullableTime({ description: 'Only of a reading: when it was sent.' }),
  resyncId: NullableText({ description: 'Only of a reading: the resync it belonged to, if any.' }),
};

export const AccountEventSchema = Type.Object(
  {
    ...origin,
    state: OneOf(['applied'], { description: 'What is in the history has been applied.' }),
    recordIds: Type.Array(Type.String(), { description: 'The records that the event concerns.' }),
    changedFields: Type.Array(Type.String(), { description: 'The fields that an UPDATE names.' }),
    changes: Changes('The fields that changed. What was set to the value that it had is left out.'),
  },
  { $id: 'AccountEvent', description: 'A change in the history of an account.' },
);

export const FieldWriteSchema = Type.Object(
  { ...origin, ...FieldChangeSchema.properties },
  { $id: 'FieldWrite', description: 'Who wrote a field, and what.' },
);

export const AccountDiffSchema = Type.Object(
  {
    accountId: Type.String({ examples: ['001al00000K3N1wAAF'] }),
    from: Time(),
    to: Time(),
    changes: Changes('The fields that differ. Before its creation all fields of an account were empty.'),
  },
  { $id: 'AccountDiff', description: 'What differs in an account between two moments.' },
);

export const TransactionEventSchema = Type.Object(
  {
    ...EventSchema.properties,
    accounts: Type.Array(
      Type.Object({
        id: Type.String({ examples: ['001al00000K3N1wAAF'] }),
        changes: Changes('The fields that changed.'),
      }),
      {
        description: 'The accounts that it changed; none where it is not applied or concerns other objects.',
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
        'Whether all of its events are known to have come and were applied. Salesforce marks no end: it is known by what follows, or by silence.',
    }),
    commitTimestamp: NullableTime(),
    commitUser: NullableText({ examples: ['005al000001AAAAAA2'] }),
    changeOrigin: NullableText(),
    data: Type.Array(Named(TransactionEventSchema), {
      description:
        'Its events in the order of their sequence numbers, which have holes where other objects changed.',
    }),
    nextCursor: NullableText({
      description: 'Send it as `cursor` for the next events; null on the last page.',
    }),
  },
  { $id: 'Transaction', description: 'A Salesforce transaction as it came in change events.' },
);
