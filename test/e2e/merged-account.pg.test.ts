import { mergeAccounts } from 'salesforce-simulator/org/unusual-changes.ts';
import { describe, expect, it } from 'vitest';
import { openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount } from '../helpers/tidemark.ts';

describe('merged accounts', () => {
  it('a merged account names its winner, also after a full resync, and no more after its undeletion', async () => {
    await using mirror = await openMirror();
    const [winner = '', loser = ''] = mirror.accountIds();
    const mergedInto = async (id: string) =>
      (await mirror.get<ApiAccount & { mergedInto: string | null }>(`/v1/accounts/${id}`)).mergedInto;
    expect(mergeAccounts(mirror.simulator.org, winner, [loser])).toMatchObject({ success: true });
    await mirror.until('the loser names the winner', async () => (await mergedInto(loser)) === winner);
    expect((await mirror.account(loser)).deletedAt).not.toBeNull();
    expect(await mergedInto(winner)).toBeNull();

    const order = await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    expect(order.status).toBe(202);
    await mirror.healed();
    expect(await mergedInto(loser)).toBe(winner);

    const [event] = await mirror.events(`recordId=${loser}&changeType=DELETE`);
    const transaction = await mirror.get<{ data: { accounts: { id: string }[] }[] }>(
      `/v1/transactions/${event?.transactionKey}`,
    );
    expect(transaction.data.flatMap(({ accounts }) => accounts.map(({ id }) => id))).toEqual([winner, loser]);

    await mirror.salesforce.undelete(loser);
    await mirror.accountWhen(loser, 'it is back', ({ deletedAt }) => deletedAt === null);
    expect(await mergedInto(loser)).toBeNull();
  });
});
