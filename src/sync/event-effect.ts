import type { ChangeEvent, Scalar } from '../salesforce/change-event.ts';
import { checkedId } from '../salesforce/record-id.ts';
import { type Change, deletedField } from './merge.ts';
import { eventVersion, type Version } from './version.ts';

/** What an event does to each account that it names. */
export type AccountEffect = {
  readonly change: Change;
  /** It says that the account is new. */
  readonly creates: boolean;
  /** It says that something changed without saying what: the account has to be read again. */
  readonly gap: boolean;
  /** It is a gap event: it brings no values at all. */
  readonly untold: boolean;
};

export type EventEffect =
  | { readonly kind: 'accounts'; readonly accountIds: readonly string[]; readonly effect: AccountEffect }
  /** It says that anything may have changed: all accounts have to be read again. */
  | { readonly kind: 'everything' }
  /** An event of another object on a channel that carries several. */
  | { readonly kind: 'other' };

/** How far ahead of this machine's clock a commit may lie. */
export const futureToleranceMs = 5 * 60_000;

/**
 * @param now epoch milliseconds
 * @throws where the event lies in the future, since its version would shut out every later change, or names
 *   something else than records
 */
export function effectOf(event: ChangeEvent, now: number): EventEffect {
  const { header } = event;
  if (header.entityName !== 'Account') return { kind: 'other' };
  if (header.commitTimestamp > now + futureToleranceMs) {
    const at = new Date(header.commitTimestamp).toISOString();
    throw new Error(`its commit time ${at} lies more than five minutes in the future`);
  }
  if (header.changeType === 'GAP_OVERFLOW' || header.recordIds.some((id) => id.endsWith('*'))) {
    return { kind: 'everything' };
  }
  return {
    kind: 'accounts',
    accountIds: header.recordIds.map(checkedId),
    effect: accountEffect(event, eventVersion(header)),
  };
}

function accountEffect({ header, values }: ChangeEvent, version: Version): AccountEffect {
  const effect = (
    extent: Change['extent'],
    written: ReadonlyMap<string, Scalar>,
    gap = false,
  ): AccountEffect => ({
    change: { version, extent, values: written },
    creates: header.changeType === 'CREATE',
    gap,
    untold: header.changeType.startsWith('GAP_'),
  });
  switch (header.changeType) {
    case 'CREATE':
    case 'UNDELETE':
    case 'SNAPSHOT':
      return effect('all', new Map([...values, [deletedField, false]]));
    case 'UPDATE':
      return effect('some', values, header.diffFields.length > 0);
    case 'DELETE':
      return effect('some', new Map([[deletedField, true]]));
    default:
      return effect('some', new Map(), true);
  }
}
