import type { Static } from 'typebox';
import type { ResyncRequest } from '../../resync/request-resync.ts';
import { accountPrefix, parseRecordId } from '../../salesforce/record-id.ts';
import { type FieldError, invalidFields } from '../problem.ts';
import type { ResyncOrderSchema } from './resync-order.ts';

export type ResyncOrderBody = Static<typeof ResyncOrderSchema>;

/**
 * What a body asks for.
 * @param now epoch milliseconds
 * @throws Problem 400 naming the fields that are missing, or do not belong to the scope
 */
export function readResyncOrder(
  body: ResyncOrderBody,
  now: number,
): Omit<ResyncRequest, 'reason' | 'requestedBy'> {
  const { scope, mode = 'repair' } = body;
  const ids = sortIds(body.accountIds ?? []);
  const problems = [
    ...(mode === 'sample' && scope !== 'all'
      ? [wrong('mode', 'may be "sample" only with the scope "all"')]
      : []),
    ...sinceProblems(body, now),
    ...idProblems(body, ids),
  ];
  if (problems.length > 0) throw invalidFields(problems);
  return {
    scope,
    mode,
    repairs: false,
    ...(scope === 'accounts' ? { accountIds: ids.valid, invalidIds: ids.invalid } : {}),
    ...(body.since === undefined ? {} : { since: new Date(body.since) }),
  };
}

function sinceProblems({ scope, since }: ResyncOrderBody, now: number): FieldError[] {
  if (scope !== 'since')
    return since === undefined ? [] : [wrong('since', 'belongs to the scope "since" only')];
  if (since === undefined) return [wrong('since', 'is missing: the scope "since" needs it')];
  const time = new Date(since).getTime();
  if (!(time >= 0)) return [wrong('since', 'must be a moment since 1970')];
  return time > now ? [wrong('since', 'must not lie in the future')] : [];
}

function idProblems({ scope, accountIds }: ResyncOrderBody, { valid }: SortedIds): FieldError[] {
  if (scope !== 'accounts') {
    return accountIds === undefined ? [] : [wrong('accountIds', 'belongs to the scope "accounts" only')];
  }
  if (accountIds === undefined) return [wrong('accountIds', 'is missing: the scope "accounts" needs it')];
  return valid.length === 0 ? [wrong('accountIds', 'has not a single account id')] : [];
}

type SortedIds = { readonly valid: readonly string[]; readonly invalid: readonly string[] };

/** Each once, in the order given; the valid ones in their 18-character form. */
function sortIds(given: readonly string[]): SortedIds {
  const valid = new Set<string>();
  const invalid = new Set<string>();
  for (const text of given) {
    const id = parseRecordId(text);
    if (id?.startsWith(accountPrefix)) valid.add(id);
    else invalid.add(text);
  }
  return { valid: [...valid], invalid: [...invalid] };
}

function wrong(field: string, message: string): FieldError {
  return { field, message };
}
