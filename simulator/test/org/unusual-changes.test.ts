import { describe, expect, it } from 'vitest';
import { createOrg } from '../../src/org/org.ts';
import { convertLead, mergeAccounts } from '../../src/org/unusual-changes.ts';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { admin } from './callers.ts';

describe('merges of accounts', () => {
  it('a merge updates the winner and deletes the losers, which name it, in one transaction', () => {
    const org = createOrg();
    const [winner = '', ...losers] = ['Win', 'Lose', 'Lose too'].map(
      (Name) => org.transaction(admin, (tx) => tx.insert({ Name })).id ?? '',
    );
    expect(mergeAccounts(org, winner, losers)).toMatchObject({ success: true, id: winner });
    const [updated, ...deleted] = decodeEvents(org.bus).slice(3);
    expect(updated?.header).toMatchObject({ changeType: 'UPDATE', recordIds: [winner], sequenceNumber: 1 });
    expect(deleted.flatMap(({ header }) => header.recordIds)).toEqual(losers);
    expect(new Set(deleted.map(({ header }) => header.changeType))).toEqual(new Set(['DELETE']));
    expect(deleted[0]?.header.transactionKey).toBe(updated?.header.transactionKey);
    expect(losers.map((id) => org.record(id))).toMatchObject(
      losers.map(() => ({ isDeleted: true, values: { MasterRecordId: winner } })),
    );
    org.transaction(admin, (tx) => tx.undelete(losers[0] ?? ''));
    expect(org.record(losers[0] ?? '')?.values).not.toHaveProperty('MasterRecordId');
  });

  it('a merge fails if one of the losers is the winner or deleted', () => {
    const org = createOrg();
    const [one = '', two = ''] = ['One', 'Two'].map(
      (Name) => org.transaction(admin, (tx) => tx.insert({ Name })).id ?? '',
    );
    expect(mergeAccounts(org, one, [one]).success).toBe(false);
    org.transaction(admin, (tx) => tx.delete(two));
    expect(mergeAccounts(org, one, [two])).toMatchObject({ errors: [{ statusCode: 'ENTITY_IS_DELETED' }] });
    expect(mergeAccounts(org, two, [one]).success).toBe(false);
    expect(org.record(one)?.isDeleted).toBe(false);
  });
});

describe('lead conversion', () => {
  it('a converted lead makes four events of one transaction with the account first', () => {
    const org = createOrg({ channels: ['/data/Example__chn'] });
    const ids = convertLead(org, { company: 'Converted GmbH', lastName: 'Lovelace' });
    const events = decodeEvents(org.bus, '/data/Example__chn');
    expect(events.map(({ header }) => [header.entityName, header.changeType, header.sequenceNumber])).toEqual(
      [
        ['Account', 'CREATE', 1],
        ['Contact', 'CREATE', 2],
        ['Opportunity', 'CREATE', 3],
        ['Lead', 'UPDATE', 4],
      ],
    );
    expect(new Set(events.map(({ header }) => header.transactionKey)).size).toBe(1);
    expect(events[1]?.fields).toMatchObject({ AccountId: ids.accountId, Name: { LastName: 'Lovelace' } });
    expect(events[3]?.fields).toMatchObject({ ConvertedAccountId: ids.accountId, IsConverted: true });
    expect(events[3]?.header.changedFields).toEqual(['0x11F8']);
    expect(decodeEvents(org.bus)).toHaveLength(1);
    expect(org.record(ids.accountId)?.values).toMatchObject({ Name: 'Converted GmbH' });
  });
});
