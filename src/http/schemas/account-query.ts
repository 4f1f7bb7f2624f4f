import { type Static, Type } from 'typebox';
import { codeStates } from './account.ts';
import { MomentParameter, pageParameters, Text } from './parameters.ts';
import { OneOf } from './values.ts';

const sortable = ['id', 'name', 'createdAt', 'modifiedAt', 'changedAt', 'syncedAt'] as const;

const filterParameters = {
  q: Type.Optional(
    Text(
      'Free text: accounts that have every word of it in their name, account number, signup code, phone or website, in upper or lower case. If no word has three characters, the name must begin with it.',
    ),
  ),
  name: Type.Optional(
    Text(
      'The name, in upper or lower case; with `*` at the end its beginning, with `*` on both sides a part of it.',
    ),
  ),
  accountNumber: Type.Optional(Text('The exact account number.')),
  signupCode: Type.Optional(Text('The exact signup code.')),
  updatedSince: Type.Optional(
    MomentParameter(
      'Accounts that changed in the mirror at that moment or later (`changedAt`). To follow changes, add `sort=changedAt` and `deleted=all`.',
    ),
  ),
  deleted: Type.Optional(
    OneOf(['false', 'true', 'all'], {
      default: 'false',
      description: '`false`: active accounts only. `true`: deleted ones only. `all`: both.',
    }),
  ),
  stale: Type.Optional(Type.Boolean({ description: 'Whether their values are known to be uncertain.' })),
  codeState: Type.Optional(OneOf(codeStates, { description: 'The state of their signup code.' })),
  fields: Type.Optional(
    Type.Record(Type.String({ maxLength: 255 }), Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' }), {
      description:
        'The exact value of mirrored fields, such as `fields[Industry]=Energy` or, the same, `fields.Industry=Energy`; parts of compound fields as `BillingAddress.City`. Empty: accounts without a value. Only fields that the setting `INDEXED_FIELDS` names.',
    }),
  ),
};

export const AccountQuerySchema = Type.Object(
  {
    ...filterParameters,
    sort: Type.Optional(
      OneOf(
        sortable.flatMap((name) => [name, `-${name}`] as const),
        {
          default: 'id',
          description: 'Order; `-` turns it round. Accounts without a value come last (first with `-`).',
        },
      ),
    ),
    select: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 4096,
        pattern: '^[A-Za-z0-9_.,]+$',
        description:
          'What to show of each account, separated by commas, such as `name,fields.Industry`; `id` always is.',
      }),
    ),
    ...pageParameters,
  },
  { additionalProperties: false },
);

export type AccountQuery = Static<typeof AccountQuerySchema>;
