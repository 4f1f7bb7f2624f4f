import { type Static, Type } from 'typebox';
import { codeStates } from './account.ts';
import { pageParameters, Text, TimeParameter } from './parameters.ts';
import { OneOf, StrictObject } from './values.ts';

const sortable = ['id', 'name', 'createdAt', 'modifiedAt', 'changedAt', 'syncedAt'] as const;

const filterParameters = {
  q: Type.Optional(
    Text(
      'Full text, case-insensitive: accounts whose name, account number, signup code (also a pending one), phone or website contain every word. If no word has three characters, the name must begin with the text.',
    ),
  ),
  name: Type.Optional(
    Text('The name, case-insensitive. `Acme*` matches the beginning of a name, `*Acme*` any part of it.'),
  ),
  accountNumber: Type.Optional(Text('The exact account number.')),
  signupCode: Type.Optional(Text('The exact signup code; only codes that Salesforce is known to hold.')),
  updatedSince: Type.Optional(
    TimeParameter(
      'Accounts that changed in the mirror at or after this time (`changedAt`). To follow changes, add `sort=changedAt` and `deleted=all`.',
    ),
  ),
  deleted: Type.Optional(
    OneOf(['false', 'true', 'all'], {
      default: 'false',
      description: '`false`: active accounts. `true`: deleted accounts. `all`: both.',
    }),
  ),
  stale: Type.Optional(
    Type.Boolean({ description: 'Whether the account has changes that the mirror has not read yet.' }),
  ),
  codeState: Type.Optional(OneOf(codeStates, { description: 'The state of the signup code.' })),
  fields: Type.Optional(
    Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' }), {
      description:
        'The exact values of mirrored fields, such as `fields[Industry]=Energy` or `fields.Industry=Energy`; parts of compound fields as `BillingAddress.City`. An empty value matches accounts without a value. Only fields in the setting `INDEXED_FIELDS`.',
    }),
  ),
};

export const AccountQuerySchema = StrictObject({
  ...filterParameters,
  sort: Type.Optional(
    OneOf(
      sortable.flatMap((name) => [name, `-${name}`] as const),
      {
        default: 'id',
        description: 'Sort order; `-` reverses it. Accounts without a value come last (first with `-`).',
      },
    ),
  ),
  select: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      pattern: '^[A-Za-z0-9_.,]+$',
      description:
        'The members to return, separated by commas, such as `name,fields.Industry`; `id` is always included.',
    }),
  ),
  ...pageParameters,
});

export type AccountQuery = Static<typeof AccountQuerySchema>;
