import { describe, expect, it } from 'vitest';
import { createOrg } from '../../src/org/org.ts';
import { admin, integration } from './callers.ts';

describe('the audit of an org', () => {
  it('the audit lists every code of a record and its writer', () => {
    const org = createOrg({ now: () => 1_700_000_000_500 });
    const id = org.transaction(admin, (tx) => tx.insert({ Name: 'Ada' })).id ?? '';
    org.transaction(integration, (tx) => tx.update(id, { SignUpCode__c: 'one' }));
    org.transaction(integration, (tx) => tx.update(id, { SignUpCode__c: 'one', Phone: '1' }));
    expect([...org.audit.codes()]).toEqual([[id, ['one']]]);
    expect(org.audit.entries({ client: 'ExampleClient' })).toEqual([
      {
        at: 1_700_000_000_500,
        client: 'ExampleClient',
        userId: integration.userId,
        recordId: id,
        operation: 'update',
        changedFields: ['SignUpCode__c'],
        codeBefore: null,
        code: 'one',
      },
      expect.objectContaining({ changedFields: ['Phone'], codeBefore: 'one', code: 'one' }),
    ]);
    expect(org.audit.entries({ recordId: id })[0]).toMatchObject({ operation: 'create', client: null });
  });

  it('the audit includes a second code within one transaction and nothing that was rolled back', () => {
    const org = createOrg();
    org.transaction(integration, (tx) => {
      const id = tx.insert({ Name: 'Twice', SignUpCode__c: 'first' }).id ?? '';
      tx.update(id, { SignUpCode__c: 'second' });
    });
    expect([...org.audit.codes().values()]).toEqual([['first', 'second']]);
    org.audit.clear();
    org.transaction(integration, (tx) => {
      tx.insert({ Name: 'Never', SignUpCode__c: 'third' });
      tx.rollback();
      tx.insert({ Name: 'Kept' });
    });
    expect(org.audit.entries()).toMatchObject([{ operation: 'create', code: null }]);
  });
});
