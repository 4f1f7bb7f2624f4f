import { Type } from 'typebox';
import { JsonObject, NullableObject, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const codeStates = ['none', 'pending', 'written', 'confirmed', 'failed'] as const;

const CodeState = OneOf(codeStates, {
  description:
    '`none`: no code. `pending`: not written to Salesforce yet. `written`: accepted by Salesforce. `confirmed`: seen in a change event. `failed`: see `codeError`. `GET /v1/write-backs/{accountId}` has the reason for every account without a confirmed code.',
});

const CodeError = NullableObject(
  { code: NullableText(), message: NullableText(), at: NullableTime() },
  'The error of Salesforce that prevented the write.',
);

export const AccountSchema = Type.Object(
  {
    id: Type.String({ description: '18-character record id.', examples: ['001al00000K3N1wAAF'] }),
    name: NullableText({ examples: ['Acme Ltd'] }),
    accountNumber: NullableText({ examples: ['CD451796'] }),
    signupCode: NullableText({
      description:
        'The code that Salesforce is known to hold, assigned by Tidemark or adopted from Salesforce: only in the states `written` and `confirmed`.',
    }),
    pendingSignupCode: NullableText({
      description:
        'A code that Salesforce has not accepted: only in the states `pending` and `failed`. A code that is being replaced is no longer shown.',
    }),
    codeState: CodeState,
    codeError: CodeError,
    fields: JsonObject({
      description: 'All other mirrored fields by API name: null without a value, compound fields as objects.',
      examples: [{ Industry: 'Energy', BillingAddress: { City: 'Oslo', Country: 'Norway' }, Phone: null }],
    }),
    createdAt: NullableTime({ description: '`CreatedDate` in Salesforce.' }),
    modifiedAt: NullableTime({ description: '`LastModifiedDate` in Salesforce.' }),
    deletedAt: NullableTime({ description: 'When it was deleted in Salesforce; null if it is active.' }),
    mergedInto: NullableText({
      description:
        'The account that this one was merged into; null if it was not merged. Salesforce deletes merged accounts.',
      examples: ['001al00000K3N2xAAF'],
    }),
    stale: Type.Boolean({
      description: 'True if a change is known but its values are not; the account is being read again.',
    }),
    replacedFields: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description:
        'Fields whose text contains a character that PostgreSQL cannot store (NUL or an unpaired surrogate), replaced by U+FFFD. Null with `asOf`: unknown for the past.',
      examples: [['Description']],
    }),
    changedAt: Time({ description: 'When the account last changed in the mirror.' }),
    syncedAt: Time({ description: 'When the mirror last confirmed the values of this account.' }),
    version: Type.String({ description: 'The newest version of its fields; opaque.' }),
  },
  { $id: 'Account', description: 'An account of the mirror.' },
);

/** An account in which `select` may omit every member except `id`. */
export const ListedAccountSchema = Type.Object(
  { ...Type.Partial(AccountSchema).properties, id: AccountSchema.properties.id },
  {
    $id: 'ListedAccount',
    description: 'An account in a list: complete, or with `select` only the selected members and the id.',
  },
);
