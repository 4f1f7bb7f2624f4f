import type { Caller, RecordValues, SaveResult } from './model.ts';
import type { SimulatorOrg } from './org.ts';
import { otherChange } from './other-objects.ts';
import { RECORD_TYPE_IDS } from './person-accounts.ts';

/** Takes an account out of the recycle bin, as the SOAP API does. */
export function undeleteAccount(org: SimulatorOrg, id: string): SaveResult {
  return org.transaction({ ...person(org), client: null }, (tx) => tx.undelete(id));
}

/** Deletes up to two losers in favour of the winner in one transaction, as the user interface does. */
export function mergeAccounts(org: SimulatorOrg, winner: string, losers: readonly string[]): SaveResult {
  return org.transaction(person(org), (tx) => {
    const result = tx.merge(winner, losers);
    if (!result.success) tx.rollback();
    return result;
  });
}

/** Converts a lead to an account, a contact and an opportunity in one transaction of four events. */
export function convertLead(org: SimulatorOrg, { company, lastName }: LeadToConvert): ConvertedLead {
  const { entities, nextId } = org.others;
  const ids = { contactId: nextId('Contact'), opportunityId: nextId('Opportunity'), leadId: nextId('Lead') };
  const caller = person(org);
  const created = org.transaction(
    caller,
    (tx) => tx.insert({ Name: company }),
    ({ id: AccountId }) => {
      const stamp = BigInt(Number(org.record(AccountId ?? '')?.values['CreatedDate'] ?? 0));
      const common = { OwnerId: caller.userId, LastModifiedDate: stamp, LastModifiedById: caller.userId };
      const fresh = { ...common, AccountId, CreatedDate: stamp, CreatedById: caller.userId };
      const contact = otherChange('Contact', 'CREATE', ids.contactId, {
        ...fresh,
        Name: { LastName: lastName },
      });
      const opportunity = otherChange('Opportunity', 'CREATE', ids.opportunityId, {
        ...fresh,
        Name: `${company}-`,
        StageName: 'Prospecting',
        CloseDate: stamp,
      });
      const lead = otherChange('Lead', 'UPDATE', ids.leadId, {
        Status: 'Closed - Converted',
        IsConverted: true,
        ConvertedDate: stamp,
        ConvertedAccountId: AccountId,
        ConvertedContactId: ids.contactId,
        ConvertedOpportunityId: ids.opportunityId,
        LastModifiedDate: stamp,
      });
      return [
        { entity: entities.Contact, event: contact },
        { entity: entities.Opportunity, event: opportunity },
        { entity: entities.Lead, event: lead },
      ];
    },
  );
  if (!created.success) throw new Error(created.errors[0]?.message ?? 'the lead was not converted');
  return { accountId: created.id, ...ids };
}

/**
 * Converts a company to a person account. The event names the record type alone: no event has the name of the person, which
 * is that of its contact.
 */
export function convertToPerson(
  org: SimulatorOrg,
  id: string,
  contact: { readonly FirstName?: string; readonly LastName: string },
): SaveResult {
  const update = (values: RecordValues, how: 'changes' | 'nothing'): SaveResult =>
    org.transaction(person(org), (tx) => tx.update(id, values), how);
  const converted = update({ RecordTypeId: RECORD_TYPE_IDS.person }, 'changes');
  return converted.success ? update(contact, 'nothing') : converted;
}

export function person({ named }: SimulatorOrg): Caller {
  return { userId: named.admin.id, api: 'soap', apiVersion: '66.0', client: 'SfdcInternalAPI/' };
}

type LeadToConvert = { readonly company: string; readonly lastName: string };

type ConvertedLead = {
  readonly accountId: string;
  readonly contactId: string;
  readonly opportunityId: string;
  readonly leadId: string;
};
