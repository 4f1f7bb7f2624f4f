import type { ApiAccount, Page } from './tidemark.ts';

/** Reads all accounts through the API, including deleted ones, by id. */
export async function readAllAccounts(
  get: (path: string) => Promise<Page<ApiAccount>>,
): Promise<Map<string, ApiAccount>> {
  const accounts = new Map<string, ApiAccount>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const after: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page<ApiAccount> = await get(`/v1/accounts?deleted=all&limit=200${after}`);
    for (const account of page.data) accounts.set(account.id, account);
    cursor = page.nextCursor;
  }
  return accounts;
}
