import type { PrismaClient } from '../../src/db/generated/client.ts';
import { accountId, insertAccount } from './rows.ts';

/** The accounts that the tests of accounts share. */
export const [acme = '', acmeWest = '', bolt = '', gone = '', blank = ''] = [1, 2, 3, 4, 5].map(accountId);

export async function insertSampleAccounts(prisma: PrismaClient): Promise<void> {
  await insertAccount(prisma, acme, {
    name: 'Acme',
    accountNumber: 'A-1',
    signupCode: 'CODE-1',
    codeState: 'confirmed',
    fields: {
      Name: 'Acme',
      AccountNumber: 'A-1',
      SignUpCode__c: 'CODE-1',
      CreatedDate: '2026-01-01T00:00:00.000Z',
      LastModifiedDate: '2026-03-01T00:00:00.000Z',
      IsDeleted: false,
      Industry: 'Energy',
      BillingAddress: { City: 'Oslo' },
      Renamed__c: 'still here',
    },
    createdAt: new Date('2026-01-01T00:00:00Z'),
    modifiedAt: new Date('2026-03-01T00:00:00Z'),
    changedAt: new Date('2026-03-01T00:00:05Z'),
  });
  await insertAccount(prisma, acmeWest, {
    name: 'Acme West',
    codeState: 'failed',
    fields: { Phone: '+47 22-00-11', Website: 'https://example.COM/west' },
    codeError: { code: 'FIELD_CUSTOM_VALIDATION', message: 'No.', at: '2026-02-01T00:00:00.000Z' },
    createdAt: new Date('2026-01-02T00:00:00Z'),
    modifiedAt: new Date('2026-02-01T00:00:00Z'),
    changedAt: new Date('2026-02-01T00:00:05Z'),
  });
  await insertAccount(prisma, bolt, {
    name: 'bolt',
    accountNumber: 'B%1',
    staleVersion: 'v9',
    syncedAt: new Date('2026-11-23T10:00:01Z'),
    createdAt: new Date('2026-01-03T00:00:00Z'),
    modifiedAt: new Date('2026-01-03T00:00:00Z'),
    changedAt: new Date('2026-04-01T00:00:00Z'),
  });
  await insertAccount(prisma, gone, {
    name: 'Gone',
    deleted: true,
    deletedAt: new Date('2026-05-01T00:00:00Z'),
    changedAt: new Date('2026-05-01T00:00:00Z'),
  });
  await insertAccount(prisma, blank, {
    createdAt: null,
    modifiedAt: null,
    changedAt: new Date('2026-01-05T00:00:00Z'),
  });
}
