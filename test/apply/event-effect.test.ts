import { describe, expect, it } from 'vitest';
import { type EventEffect, effectOf } from '../../src/apply/event-effect.ts';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { accountId, bits, type EventInput, encodeEvent, testSchema } from '../helpers/change-events.ts';

const commitTime = 1_790_000_000_000;
const effect = (input: EventInput, now = commitTime): EventEffect =>
  effectOf(decodeChangeEvent(encodeEvent(input), testSchema), now);
const accountEffect = (input: EventInput) => {
  const found = effect(input);
  if (found.kind !== 'accounts') throw new Error(`it is of kind ${found.kind}`);
  return found;
};

describe('the effect of an event', () => {
  it.each([
    ['CREATE', 'snapshot', true, false],
    ['UNDELETE', 'snapshot', false, false],
    ['UPDATE', 'patch', false, false],
    ['DELETE', 'patch', false, false],
    ['GAP_CREATE', 'patch', false, true],
    ['GAP_UPDATE', 'patch', false, true],
    ['GAP_DELETE', 'patch', false, true],
    ['GAP_UNDELETE', 'patch', false, true],
  ])('an event of type %s is a %s (new account: %s, gap: %s)', (changeType, kind, creates, gap) => {
    expect(accountEffect({ header: { changeType } }).effect).toMatchObject({
      change: { kind },
      creates,
      isGapEvent: gap,
      missing: [],
    });
  });

  it('a CREATE and an UNDELETE mark the account as existing and a DELETE marks it as deleted', () => {
    const deletion = (changeType: string) =>
      accountEffect({ header: { changeType } }).effect.change.values.get('IsDeleted');
    expect(['CREATE', 'UNDELETE', 'DELETE', 'UPDATE'].map(deletion)).toEqual([false, false, true, undefined]);
  });

  it('a DELETE has no other effect', () => {
    expect(accountEffect({ header: { changeType: 'DELETE' } }).effect.change.values.size).toBe(1);
  });

  it('an event concerns every record that it names', () => {
    const recordIds = ['001000000000001AAA', '001000000000002AAA', '001000000000003AAA'];
    expect(accountEffect({ header: { recordIds } }).accountIds).toEqual(recordIds);
  });

  it('a 15-character id stands for its record', () => {
    expect(accountEffect({ header: { recordIds: [accountId.slice(0, 15)] } }).accountIds).toEqual([
      accountId,
    ]);
  });

  it('a text that is not a record id is refused', () => {
    expect(() => effect({ header: { recordIds: ["' OR Name LIKE '"] } })).toThrow(/is not a record id/);
  });

  it('the effect has the version of the commit', () => {
    const header = { sequenceNumber: 7, commitNumber: 2n ** 60n };
    expect(accountEffect({ header }).effect.change.version).toEqual([commitTime, 2n ** 60n, 7, 0]);
  });

  it('a text that came as a diff is a gap in addition to the other values', () => {
    const header = { changedFields: bits('Description', 'Industry'), diffFields: bits('Description') };
    const { missing, change } = accountEffect({ header, fields: { Industry: 'Energy' } }).effect;
    expect([missing, [...change.values]]).toEqual([['Description'], [['Industry', 'Energy']]]);
  });

  it.each([
    ['an overflow', { changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'] }],
    ['a wildcard', { changeType: 'GAP_UPDATE', recordIds: ['001*'] }],
  ])('after %s anything may have changed', (_, header) => {
    expect(effect({ header })).toEqual({ kind: 'everything' });
  });

  it('an event of another object has no effect, even if it overflows', () => {
    expect(effect({ header: { entityName: 'Contact' } })).toEqual({ kind: 'other' });
    expect(effect({ header: { entityName: 'Contact', changeType: 'GAP_OVERFLOW' } })).toEqual({
      kind: 'other',
    });
  });

  it('an event that is dated ahead of the clock by more than ten seconds only names its accounts', () => {
    expect(effect({}, commitTime - 10_000).kind).toBe('accounts');
    expect(effect({}, commitTime - 10_001)).toEqual({ kind: 'ahead', accountIds: [accountId] });
    expect(effect({ header: { entityName: 'Contact' } }, 0)).toEqual({ kind: 'other' });
    expect(effect({ header: { changeType: 'GAP_OVERFLOW' } }, 0)).toEqual({ kind: 'everything' });
  });
});
