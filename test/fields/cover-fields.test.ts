import { describe, expect, it } from 'vitest';
import { type Change, emptyState, merge } from '../../src/apply/merge.ts';
import type { Version } from '../../src/apply/version.ts';
import { keepValues, omitUnmirrored } from '../../src/fields/cover-fields.ts';

const version: Version = [2, 2n, 1, 0];
const before = merge(emptyState, {
  version: [1, 1n, 1, 0],
  kind: 'snapshot',
  values: new Map<string, string>([
    ['Name', 'Ada'],
    ['Hidden__c', 'kept'],
    ['Score__c', 'old'],
  ]),
});
const unmirrored = new Set(['Hidden__c', 'Score__c', 'IsDeleted']);
const mergeEvent = (change: Change) => merge(before, keepValues(before, omitUnmirrored(change, unmirrored)));

describe('events and fields that are not mirrored', () => {
  it('an update writes only mirrored fields', () => {
    const values = new Map([
      ['Phone', '1'],
      ['Hidden__c', null],
      ['Score__c', 'new'],
    ]);
    const { values: after } = mergeEvent({ version, kind: 'patch', values });
    expect(Object.fromEntries(after)).toEqual({
      Name: 'Ada',
      Phone: '1',
      Hidden__c: 'kept',
      Score__c: 'old',
    });
  });

  it('a whole record keeps the values of fields that are not mirrored, at their old version', () => {
    const values = new Map<string, string | boolean | null>([
      ['Name', 'Bob'],
      ['Hidden__c', null],
      ['Score__c', null],
      ['IsDeleted', false],
    ]);
    const { values: after, fieldVersions } = mergeEvent({ version, kind: 'snapshot', values });
    expect(Object.fromEntries(after)).toEqual({
      Name: 'Bob',
      Hidden__c: 'kept',
      Score__c: 'old',
      IsDeleted: false,
    });
    expect([...fieldVersions]).toEqual([
      ['Hidden__c', [1, 1n, 1, 0]],
      ['Score__c', [1, 1n, 1, 0]],
    ]);
  });

  it('a read deletes an account although events do not carry its deletion as a field', () => {
    const keptFields = new Set(['IsDeleted', 'Hidden__c']);
    const active = merge(emptyState, {
      version: [1, 1n, 1, 0],
      kind: 'snapshot',
      values: new Map([['IsDeleted', false]]),
    });
    const read: Change = { version, kind: 'snapshot', values: new Map([['IsDeleted', true]]), keptFields };
    expect(merge(active, keepValues(active, read)).values.get('IsDeleted')).toBe(true);
  });

  it('an account without a value of a hidden field gets no version of it', () => {
    const change: Change = { version, kind: 'snapshot', values: new Map([['Hidden__c', null]]) };
    const { fieldVersions } = merge(emptyState, keepValues(emptyState, omitUnmirrored(change, unmirrored)));
    expect(fieldVersions.size).toBe(0);
  });

  it('an event without such fields is unchanged', () => {
    const change: Change = { version, kind: 'patch', values: new Map([['Phone', '1']]) };
    expect(omitUnmirrored(change, unmirrored)).toBe(change);
  });
});
