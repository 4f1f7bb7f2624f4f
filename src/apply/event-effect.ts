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
  readonly isGapEvent: boolean;
};

export type EventEffect =
  | { readonly kind: 'accounts'; readonly accountIds: readonly string[]; readonly effect: AccountEffect }
  /** It is dated ahead of the clock: its version would shut out later changes, so its accounts are read instead. */
  | { readonly kind: 'ahead'; readonly accountIds: readonly string[] }
  /** It says that anything may have changed: all accounts have to be read again. */
  | { readonly kind: 'everything' }
  /** An event of another object on a channel that carries several. */
  | { readonly kind: 'other' };

/** How far ahead of this machine's clock a commit may lie: clocks that are kept by NTP differ by far less. */
export const futureToleranceMs = 10_000;

/**
 * @param now epoch milliseconds
 * @throws where the event names something else than records
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

function accountEffect({ header, values }: ChangeEvent, version: Version): AccountEffect {
  const effect = (
    kind: Change['kind'],
    written: ReadonlyMap<string, Scalar>,
    gap = false,
  ): AccountEffect => ({
    change: { version, kind, values: written },
    creates: header.changeType === 'CREATE',
    gap,
    isGapEvent: header.changeType.startsWith('GAP_'),
  });
  switch (header.changeType) {
    case 'CREATE':
    case 'UNDELETE':
    case 'SNAPSHOT':
      return effect('snapshot', new Map([...values, [deletedField, false]]));
    case 'UPDATE':
      return effect('patch', values, header.diffFields.length > 0);
    case 'DELETE':
      return effect('patch', new Map([[deletedField, true]]));
    default:
      return effect('patch', new Map(), true);
  }
}
