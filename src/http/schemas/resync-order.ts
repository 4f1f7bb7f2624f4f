import { type Static, Type } from 'typebox';
import { type ResyncRequest, type ResyncScope, resyncModes } from '../../resync/request-resync.ts';
import { accountPrefix, parseRecordId } from '../../salesforce/record-id.ts';
import { type FieldError, invalidFields } from '../problem.ts';
import { Text, TimeParameter } from './parameters.ts';
import { OneOf } from './values.ts';

const maxAccountIds = 10_000;
// Tidemark itself orders reads of single fields.
const orderedScopes = ['all', 'since', 'accounts'] as const satisfies readonly ResyncScope[];

export const ResyncOrderSchema = Type.Object(
  {
    scope: OneOf(orderedScopes, {
      description: 'All accounts, those changed since a time, or the listed accounts.',
    }),
    mode: Type.Optional(
      OneOf(resyncModes, {
        default: 'repair',
        description:
          '`repair` merges the records into the mirror, `verify` only compares them; `sample`, only with scope `all`, compares a part of them at low cost.',
      }),
    ),
    since: Type.Optional(TimeParameter('Only for scope `since`: the start of the changes to read.')),
    accountIds: Type.Optional(
      Type.Array(Text('An account id of 15 or 18 characters.'), {
        minItems: 1,
        maxItems: maxAccountIds,
        description:
          'Only for scope `accounts`. Invalid ids are returned as `invalidIds`; at least one id must be valid.',
      }),
    ),
  },
  {
    $id: 'ResyncOrder',
    additionalProperties: false,
    description: 'Which accounts to read from Salesforce.',
    examples: [{ scope: 'all' }],
  },
);

type ResyncOrderBody = Static<typeof ResyncOrderSchema>;

/**
 * Converts the body of a request to a resync.
 * @param now epoch milliseconds
 * @throws Problem 400 naming the fields that are missing or not allowed with the scope
 */
export function parseResyncOrder(
  body: ResyncOrderBody,
  now: number,
): Omit<ResyncRequest, 'reason' | 'requestedBy'> {
  const { scope, mode = 'repair' } = body;
  const ids = partitionIds(body.accountIds ?? []);
  const errors = [
    ...(mode === 'sample' && scope !== 'all'
      ? [fieldError('mode', 'must not be "sample" unless the scope is "all"')]
      : []),
    ...sinceErrors(body, now),
    ...idErrors(body, ids),
  ];
  if (errors.length > 0) throw invalidFields(errors);
  return {
    scope,
    mode,
    repairs: false,
    ...(scope === 'accounts' ? { accountIds: ids.valid, invalidIds: ids.invalid } : {}),
    ...(body.since === undefined ? {} : { since: new Date(body.since) }),
  };
}

function sinceErrors({ scope, since }: ResyncOrderBody, now: number): FieldError[] {
  if (scope !== 'since')
    return since === undefined ? [] : [fieldError('since', 'is only allowed with the scope "since"')];
  if (since === undefined) return [fieldError('since', 'is required with the scope "since"')];
  const time = new Date(since).getTime();
  if (!(time >= 0)) return [fieldError('since', 'must be a time after 1970')];
  return time > now ? [fieldError('since', 'must not be in the future')] : [];
}

function idErrors({ scope, accountIds }: ResyncOrderBody, { valid }: PartitionedIds): FieldError[] {
  if (scope !== 'accounts') {
    return accountIds === undefined
      ? []
      : [fieldError('accountIds', 'is only allowed with the scope "accounts"')];
  }
  if (accountIds === undefined) return [fieldError('accountIds', 'is required with the scope "accounts"')];
  return valid.length === 0 ? [fieldError('accountIds', 'must contain at least one account id')] : [];
}

type PartitionedIds = { readonly valid: readonly string[]; readonly invalid: readonly string[] };

/** Removes duplicates; valid ids are returned in their 18-character form. */
function partitionIds(given: readonly string[]): PartitionedIds {
  const valid = new Set<string>();
  const invalid = new Set<string>();
  for (const text of given) {
    const id = parseRecordId(text);
    if (id?.startsWith(accountPrefix)) valid.add(id);
    else invalid.add(text);
  }
  return { valid: [...valid], invalid: [...invalid] };
}

function fieldError(field: string, message: string): FieldError {
  return { field, message };
}
