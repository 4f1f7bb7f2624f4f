import { Type } from 'typebox';
import { JsonObject, NullableText, NullableTime, OneOf, Time } from './values.ts';

export const codeStates = ['none', 'pending', 'written', 'confirmed', 'failed'] as const;

const CodeState = OneOf(codeStates, {
  description:
    '`none`: no code. `pending`: a code is on its way to Salesforce. `written`: Salesforce took it. `confirmed`: a change event showed it. `failed`: see `codeError`.',
});

const CodeError = Type.Unsafe<{ code: string | null; message: string | null; at: string | null } | null>({
  type: ['object', 'null'],
  required: ['code', 'message', 'at'],
  properties: { code: NullableText(), message: NullableText(), at: NullableTime() },
  description: 'Why the code could not be written, as Salesforce said it.',
});

export const AccountSchema = Type.Object(
  {
    id: Type.String({ description: '18-character record id.', examples: ['001al00000K3N1wAAF'] }),
    name: NullableText({ examples: ['Acme Ltd'] }),
    accountNumber: NullableText({ examples: ['CD451796'] }),
    signupCode: NullableText({
      description: 'The code that this account has, assigned here or adopted from Salesforce.',
    }),
    codeState: CodeState,
    codeError: CodeError,
    fields: JsonObject({
      description:
        'Every other mirrored field by its Salesforce name: null where it has no value, compound fields as objects.',
      examples: [{ Industry: 'Energy', BillingAddress: { City: 'Oslo', Country: 'Norway' }, Phone: null }],
    }),
    createdAt: NullableTime({ description: '`CreatedDate` in Salesforce.' }),
    modifiedAt: NullableTime({ description: '`LastModifiedDate` in Salesforce.' }),
    deletedAt: NullableTime({ description: 'When it was deleted in Salesforce; null while it lives.' }),
    mergedInto: NullableText({
      description:
        'The account that this one was merged into, which Salesforce deleted it for; null unless it was.',
      examples: ['001al00000K3N2xAAF'],
    }),
    stale: Type.Boolean({
      description: 'True while a change is known of whose values are not: it is being read again.',
    }),
    replacedFields: Type.Unsafe<string[] | null>({
      type: ['array', 'null'],
      items: { type: 'string' },
      description:
        'Fields whose text in Salesforce has a character that PostgreSQL cannot store (NUL or half of a surrogate pair); U+FFFD stands in its place here. Null with `asOf`: it is not known of the past.',
      examples: [['Description']],
    }),
    changedAt: Time({ description: 'When something shown here last changed in the mirror.' }),
    syncedAt: Time({ description: 'When the mirror was last sure of this account, changed or not.' }),
    version: Type.String({ description: 'The greatest version of its fields; opaque.' }),
  },
  { $id: 'Account', description: 'An account as the mirror holds it.' },
);

/** The same, where `select` may leave out whatever it likes. */
export const ListedAccountSchema = Type.Object(
  { ...Type.Partial(AccountSchema).properties, id: AccountSchema.properties.id },
  {
    $id: 'ListedAccount',
    description: 'An account as a list shows it: all of it, or with `select` what was asked for and its id.',
  },
);
