import { expect, it } from 'vitest';
import { openMirror } from '../helpers/live-mirror.ts';

type Resync = { readonly id: string; readonly state: string };
type Status = { readonly resyncs: readonly Resync[] };
type Counts = { readonly existing: number; readonly deleted: number };

it('"View All" is lost and a transaction is too large: nothing is deleted, and all goes on when the right is back', async () => {
  await using mirror = await openMirror({ simulator: { accounts: 60 } });
  const { simulator, until } = mirror;
  const counts = async (): Promise<Counts | undefined> =>
    (
      await mirror.sql<Counts>(
        `select count(*) filter (where not deleted)::int as existing,
                count(*) filter (where deleted)::int as deleted from accounts`,
      )
    )[0];
  const [deleted = '', shown = ''] = mirror.accountIds();
  await mirror.codesConfirmed();
  await mirror.worked();
  const before = await counts();
  simulator.faults.rest.hiddenRecords.on();
  simulator.org.publishGap('GAP_OVERFLOW', ['000000000000000AAA']);
  const held = async () =>
    (await mirror.get<Status>('/v1/status')).resyncs.find(({ state }) => state === 'needs-confirmation');
  const resync = await until('the resync needs confirmation', held);
  expect(await mirror.get<Resync>(`/v1/resyncs/${resync.id}`)).toMatchObject({
    notVisible: before?.existing,
  });
  expect(await counts()).toEqual(before);
  expect(await mirror.account(shown)).toMatchObject({ stale: true, deletedAt: null });
  expect(await mirror.incidents()).toMatchObject([{ cause: 'overflow', state: 'repairing' }]);

  // A restart changes nothing.
  await mirror.stop();
  await mirror.startAgain({ waitUntilReady: false });
  expect(await until('it still needs confirmation', held)).toMatchObject({ id: resync.id });

  // Events decide about single accounts meanwhile.
  simulator.faults.rest.hiddenRecords.off();
  const hidden = mirror.accountIds().filter((id) => id !== shown);
  simulator.faults.rest.hiddenRecords.on({ recordIds: hidden });
  mirror.inOneTransaction((tx) => tx.delete(deleted));
  mirror.inOneTransaction((tx) => tx.update(shown, { Phone: '1' }));
  await mirror.accountWhen(deleted, 'its DELETE event deletes it', ({ deletedAt }) => deletedAt !== null);
  await mirror.accountWhen(
    shown,
    'it is read again after its event',
    ({ stale, fields }) => !stale && fields['Phone'] === '1',
  );
  expect(await held()).toMatchObject({ id: resync.id });

  // The right is back: the next look, at the latest at a start, finds the accounts.
  simulator.faults.rest.hiddenRecords.off();
  await mirror.stop();
  await mirror.sql('update resyncs set next_look_at = now()');
  await mirror.startAgain({ waitUntilReady: false });
  await until(
    'the resync is done',
    async () => (await mirror.get<Resync>(`/v1/resyncs/${resync.id}`)).state === 'done',
  );
  expect(await counts()).toEqual({
    existing: (before?.existing ?? 0) - 1,
    deleted: (before?.deleted ?? 0) + 1,
  });
  expect(await mirror.incidents()).toMatchObject([{ cause: 'overflow', state: 'closed' }]);
  expect(await mirror.sql('select from accounts where stale_version is not null')).toEqual([]);
}, 120_000);
