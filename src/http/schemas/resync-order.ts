import { Type } from 'typebox';
import { resyncModes, resyncScopes } from '../../resync/request-resync.ts';
import { MomentParameter, Text } from './parameters.ts';
import { OneOf } from './values.ts';

export const maxAccountIds = 10_000;

export const ResyncOrderSchema = Type.Object(
  {
    scope: OneOf(resyncScopes, {
      description: 'Everything, what changed since a moment, or the accounts that are named.',
    }),
    mode: Type.Optional(
      OneOf(resyncModes, {
        default: 'repair',
        description:
          '`repair` merges what it reads, `verify` only compares it; `sample`, of the scope `all` only, compares a part at little cost.',
      }),
    ),
    since: Type.Optional(MomentParameter('Scope `since` only: read what changed from here on.')),
    accountIds: Type.Optional(
      Type.Array(Text('An account id of 15 or 18 characters.'), {
        minItems: 1,
        maxItems: maxAccountIds,
        description:
          'Scope `accounts` only. What is no account id does no harm and comes back as `invalidIds`, as long as one is.',
      }),
    ),
  },
  {
    $id: 'ResyncOrder',
    additionalProperties: false,
    description: 'What to read from Salesforce.',
    examples: [{ scope: 'all' }],
  },
);
