import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { OPTIONAL_STANDARD_FIELDS } from '../../src/org/account-fields.ts';
import type { FieldType, FieldValue } from '../../src/org/model.ts';
import { createOrg } from '../../src/org/org.ts';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { admin } from './callers.ts';

/** An org with one account whose field of a type has a value. */
function orgWith(type: FieldType, value: FieldValue, journalFile?: string) {
  const org = createOrg({ ...(journalFile !== undefined && { journalFile }) });
  org.addField({ name: 'Level__c', type });
  const id = org.transaction(admin, (tx) => tx.insert({ Name: 'Ada', Level__c: value })).id ?? '';
  const valueNow = () => org.record(id)?.values['Level__c'] ?? null;
  const gaps = () => decodeEvents(org.bus).filter(({ header }) => header.changeType === 'GAP_UPDATE');
  return { org, id, valueNow, gaps };
}

describe('type changes of custom fields', () => {
  it.each([
    ['string', 'A', 'textarea', 'A'],
    ['picklist', 'A', 'string', 'A'],
    ['double', 2.6, 'int', 3],
    ['datetime', 86_400_001, 'date', 86_400_000],
  ] as const)(
    'a change from %s (%s) to %s keeps the values and sends no event',
    (from, value, to, converted) => {
      const { gaps, org, valueNow } = orgWith(from, value);
      const before = org.bus.topic('/data/AccountChangeEvent')?.schemaId();
      org.changeField('level__C', { type: to });
      expect(valueNow()).toBe(converted);
      expect(gaps()).toEqual([]);
      expect(org.field('Level__c')).toMatchObject({ type: to, custom: true });
      if (from === 'double') expect(org.bus.topic('/data/AccountChangeEvent')?.schemaId()).not.toBe(before);
    },
  );

  it.each([
    ['string', 'A', 'double', null],
    ['double', 2, 'string', null],
    ['picklist', 'A', 'boolean', false],
  ] as const)(
    'a change from %s (%s) to %s loses the values and sends one gap event for every account',
    (from, value, to, left) => {
      const { gaps, org, valueNow } = orgWith(from, value);
      org.changeField('Level__c', { type: to });
      expect(valueNow()).toBe(left);
      expect(gaps()).toMatchObject([{ header: { recordIds: ['001*'], changedFields: [] } }]);
    },
  );

  it('a field with a changed type is sent in the new type and older events stay readable', () => {
    const { id, org } = orgWith('string', 'A');
    org.changeField('Level__c', { type: 'double' });
    org.transaction(admin, (tx) => tx.update(id, { Level__c: 4.5 }));
    const [created, , updated] = decodeEvents(org.bus);
    expect(created?.fields).toMatchObject({ Level__c: 'A' });
    expect(updated?.fields).toMatchObject({ Level__c: 4.5 });
    expect(created?.schemaId).not.toBe(updated?.schemaId);
  });

  it('a field may become unique, including its present values, and common again', () => {
    const { org } = orgWith('string', 'A');
    const another = () => org.transaction(admin, (tx) => tx.insert({ Name: 'Bob', Level__c: 'A' }));
    org.changeField('Level__c', { type: 'string', unique: true });
    expect(another()).toMatchObject({ success: false, errors: [{ statusCode: 'DUPLICATE_VALUE' }] });
    org.changeField('Level__c', { type: 'string' });
    expect(another().success).toBe(true);
  });
});

describe('identity and defaults of custom fields', () => {
  const docOf = (org: ReturnType<typeof createOrg>, name: string): string => {
    const schemaId = org.bus.topic('/data/AccountChangeEvent')?.schemaId() ?? '';
    const { fields } = JSON.parse(org.bus.schema(schemaId) ?? '') as {
      fields: { name: string; doc: string }[];
    };
    return fields.find((field) => field.name === name)?.doc ?? '';
  };

  it('a field that is created again under its name has another id, and the fields after it keep theirs', () => {
    const { org, valueNow } = orgWith('string', 'A');
    org.addField({ name: 'Behind__c', type: 'string' });
    const [first, behind] = [docOf(org, 'Level__c'), docOf(org, 'Behind__c')];
    org.removeField('Level__c');
    org.addField({ name: 'Level__c', type: 'string' });
    expect(docOf(org, 'Level__c')).toMatch(/^Data:Text:00N\w{12}$/);
    expect(docOf(org, 'Level__c')).not.toBe(first);
    expect(docOf(org, 'Behind__c')).toBe(behind);
    expect(valueNow()).toBeNull();
  });

  it('a field keeps its id when its type changes', () => {
    const { org } = orgWith('string', 'A');
    const id = org.field('Level__c')?.fieldId;
    org.changeField('Level__c', { type: 'double' });
    expect(org.field('Level__c')?.fieldId).toBe(id);
  });

  it('a shorter text field cuts its values without an event or a new schema', () => {
    const { org, valueNow } = orgWith('string', 'A long text');
    const events = decodeEvents(org.bus).length;
    const schemaId = org.bus.topic('/data/AccountChangeEvent')?.schemaId();
    org.changeField('Level__c', { type: 'string', length: 6 });
    expect(valueNow()).toBe('A long');
    expect(decodeEvents(org.bus)).toHaveLength(events);
    expect(org.bus.topic('/data/AccountChangeEvent')?.schemaId()).toBe(schemaId);
  });

  it('a checkbox has its default in existing records', () => {
    const { id, org } = orgWith('string', 'A');
    org.addField({ name: 'Vip__c', type: 'boolean', defaultValue: true });
    expect(org.record(id)?.values['Vip__c']).toBe(true);
  });
});

describe('calculated fields', () => {
  it('a formula is read-only, and its result changes without an event or a change of the record', () => {
    const { id, org } = orgWith('string', 'A');
    org.addField({ name: 'Score__c', type: 'double', calculated: true });
    expect(org.transaction(admin, (tx) => tx.update(id, { Score__c: 1 })).success).toBe(false);
    const before = org.record(id)?.values;
    const events = decodeEvents(org.bus).length;
    org.recalculate('Score__c', 7);
    expect(org.record(id)?.values).toEqual({ ...before, Score__c: 7 });
    org.recalculate('Score__c', 8, []);
    expect(org.record(id)?.values).toEqual({ ...before, Score__c: 7 });
    expect(decodeEvents(org.bus)).toHaveLength(events);
    expect(() => org.recalculate('Level__c', 'B')).toThrow('no calculated field Level__c');
  });
});

describe('removal of custom fields', () => {
  it('removing a field deletes its values without an event and moves the fields after it', () => {
    const { id, org, valueNow } = orgWith('string', 'A');
    org.addField({ name: 'Behind__c', type: 'string' });
    const before = decodeEvents(org.bus).length;
    org.removeField('Level__c');
    expect([valueNow(), org.field('Level__c')]).toEqual([null, undefined]);
    expect(decodeEvents(org.bus)).toHaveLength(before);
    expect(org.transaction(admin, (tx) => tx.update(id, { Level__c: 'B' })).success).toBe(false);
    org.transaction(admin, (tx) => tx.update(id, { Behind__c: 'C' }));
    expect(decodeEvents(org.bus).at(-1)).toMatchObject({
      header: { changedFields: ['0x100000400000'] },
      fields: { Behind__c: 'C' },
    });
  });

  it.each(['Name', 'Nope__c'])('a field that is not custom, such as %s, can not be removed', (name) => {
    const org = createOrg();
    expect(() => org.removeField(name)).toThrow(`no custom field ${name}`);
    expect(() => org.changeField(name, { type: 'string' })).toThrow(`no custom field ${name}`);
  });

  it('a field that is created again has another field id, and no value of the removed one', () => {
    const { org, valueNow } = orgWith('string', 'A');
    const before = org.field('Level__c')?.fieldId;
    org.removeField('Level__c');
    org.addField({ name: 'Level__c', type: 'string' });
    expect([org.field('Level__c')?.fieldId === before, valueNow()]).toEqual([false, null]);
  });
});

describe('changed and removed fields', () => {
  it('changed and removed fields are the same after a restart', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'simulator-fields-'));
    const journalFile = path.join(folder, 'org.ndjson');
    const { id, org } = orgWith('string', 'A', journalFile);
    org.seed(3, 1);
    org.changeField('Level__c', { type: 'double' });
    org.removeField('Active__c');
    org.addField({ name: 'Score__c', type: 'double', calculated: true });
    org.recalculate('Score__c', 4);
    org.addField({ name: 'Active__c', type: 'string' });
    org.addField({ name: 'Site__c', type: 'location' });
    org.addField(OPTIONAL_STANDARD_FIELDS.CurrencyIsoCode);
    org.transaction(admin, (tx) => tx.update(id, { Level__c: 7, Site__Latitude__s: 1 }));
    for (let restart = 0; restart < 2; restart += 1) {
      const again = createOrg({ journalFile });
      expect(again.fields()).toEqual(org.fields());
      expect([...again.records()]).toEqual([...org.records()]);
      again.close();
    }
    org.close();
    await rm(folder, { recursive: true });
  });
});
