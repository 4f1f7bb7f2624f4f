import type { ChangeEvent, Scalar } from '../salesforce/change-event.ts';
import { checkedId } from '../salesforce/record-id.ts';
import { type Change, deletedField } from './merge.ts';
import { eventVersion, type Version } from './version.ts';

/** The effect of an event on each of its accounts. */
export type AccountEffect = {
  readonly change: Change;
  /** Whether the account is new. */
  readonly creates: boolean;
  /** Paths whose values are missing: the account has to be read, unless none of them is mirrored. */
  readonly missing: readonly string[];
  /** Whether it is a gap event, which has no values. */
  readonly isGapEvent: boolean;
};

export type EventEffect =
  | { readonly kind: 'accounts'; readonly accountIds: readonly string[]; readonly effect: AccountEffect }
  /** The commit time is ahead of the clock. Its version would block later changes, so the accounts are read instead. */
  | { readonly kind: 'ahead'; readonly accountIds: readonly string[] }
  /** Any account may have changed: all accounts have to be read. */
  | { readonly kind: 'everything' }
  /** An event of another object on a channel that carries several. */
  | { readonly kind: 'other' };

/** Tolerance for commit times ahead of the clock of this machine; clocks synchronized by NTP differ by much less. */
export const futureToleranceMs = 10_000;

/**
 * @param now epoch milliseconds
 * @throws if the event has an invalid record id
 */
export function effectOf(event: ChangeEvent, now: number): EventEffect {
  const { header } = event;
  if (header.entityName !== 'Account') return { kind: 'other' };
  if (header.changeType === 'GAP_OVERFLOW' || header.recordIds.some((id) => id.endsWith('*'))) {
    return { kind: 'everything' };
  }
  const accountIds = header.recordIds.map(checkedId);
  if (isAhead(header, now)) return { kind: 'ahead', accountIds };
  return { kind: 'accounts', accountIds, effect: accountEffect(event, eventVersion(header)) };
}

/** @param now epoch milliseconds */
export function isAhead(header: Pick<ChangeEvent['header'], 'commitTimestamp'>, now: number): boolean {
  return header.commitTimestamp > now + futureToleranceMs;
}

function accountEffect({ header, values, missing }: ChangeEvent, version: Version): AccountEffect {
  const effect = (kind: Change['kind'], written: ReadonlyMap<string, Scalar>): AccountEffect => ({
    change: { version, kind, values: written },
    creates: header.changeType === 'CREATE',
    missing,
    isGapEvent: header.changeType.startsWith('GAP_'),
  });
  switch (header.changeType) {
    case 'CREATE':
    case 'UNDELETE':
    case 'SNAPSHOT':
      return effect('snapshot', new Map([...values, [deletedField, false]]));
    case 'UPDATE':
      return effect('patch', values);
    case 'DELETE':
      return effect('patch', new Map([[deletedField, true]]));
    default:
      return effect('patch', new Map());
  }
}
