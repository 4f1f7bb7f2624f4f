import { deepEqual, equal } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { bits, testSchemaId } from '../../helpers/change-events.ts';
import { accountTopic, type LiveMirror } from '../../helpers/live-mirror.ts';

/** One event that names many records changes every one of them. */
export async function mergedEventChangesEveryRecord(mirror: LiveMirror): Promise<void> {
  const ids = mirror.takeAccountIds(5);
  mirror.inOneTransaction((tx) => {
    for (const id of ids) tx.update(id, { Rating: 'Hot' });
  });
  await mirror.settled();
  const accounts = await Promise.all(ids.map((id) => mirror.account(id)));
  deepEqual(
    accounts.map(({ fields }) => fields['Rating']),
    ids.map(() => 'Hot'),
    'every record of the merged event has the new value',
  );
}

/** A transaction of which only a part has come is not shown, even when what lies before it is. */
export async function halfATransactionIsNotShown(mirror: LiveMirror): Promise<void> {
  const [before = '', first = '', second = ''] = mirror.takeAccountIds(3);
  await mirror.stop();
  // Silence says nothing here: only the next transaction ends the one before it.
  await mirror.startAgain({ quietMs: 60_000 });
  const change = (id: string, transactionKey: string) =>
    mirror.publish({
      header: { recordIds: [id], changedFields: bits('Industry'), transactionKey },
      fields: { Industry: 'Changed' },
    });
  const industry = async (id: string) => (await mirror.account(id)).fields['Industry'];
  const transaction = randomUUID();
  change(before, randomUUID());
  change(first, transaction);
  await mirror.until('the transaction before is shown', async () => (await industry(before)) === 'Changed');
  const early = await industry(first);
  change(second, transaction);
  change(before, randomUUID());
  await mirror.until('the transaction is shown', async () => (await industry(second)) === 'Changed');
  equal(early === 'Changed', false, 'half a transaction is not shown');
  equal(await industry(first), 'Changed', 'its other half is shown with it');
}

/** An event that can't be decoded in the middle of a transaction: what lies before it waits for what lies behind it. */
export async function holeInATransactionDoesNotSplitIt(mirror: LiveMirror): Promise<void> {
  const [before = '', first = '', second = ''] = mirror.takeAccountIds(3);
  await mirror.stop();
  await mirror.startAgain({ quietMs: 60_000 });
  const change = (id: string, transactionKey: string) => {
    // The org has it too: what the hole hides is read from there.
    mirror.changeSilently(id, { Industry: 'Changed' });
    mirror.publish({
      header: { recordIds: [id], changedFields: bits('Industry'), transactionKey },
      fields: { Industry: 'Changed' },
    });
  };
  const industry = async (id: string) => (await mirror.account(id)).fields['Industry'];
  const transaction = randomUUID();
  change(before, randomUUID());
  change(first, transaction);
  const hole = { id: randomUUID(), schemaId: testSchemaId, payload: Buffer.from([0xff, 0xff, 0xff]) };
  mirror.simulator.bus.publishRaw(accountTopic, hole);
  await mirror.until('the transaction before is shown', async () => (await industry(before)) === 'Changed');
  const early = await industry(first);
  change(second, transaction);
  change(before, randomUUID());
  await mirror.until('the transaction is shown', async () => (await industry(second)) === 'Changed');
  equal(early === 'Changed', false, 'what lies before the hole is not shown alone');
  equal(await industry(first), 'Changed', 'what lies before the hole is shown with what lies behind it');
  await mirror.healed();
  const failed = (await mirror.failedEvents()).filter(({ eventId }) => eventId === hole.id);
  equal(failed.length, 1, 'the hole is kept');
}
