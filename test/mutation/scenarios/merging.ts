import { equal } from 'node:assert/strict';
import { bits } from '../../helpers/change-events.ts';
import type { LiveMirror } from '../../helpers/live-mirror.ts';

/** Two changes of one second arrive in the wrong order; only the last digit of their commit numbers tells. */
export async function laterCommitWins(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  const now = Date.now();
  // Both are the same number to a double.
  const earlier = (((BigInt(now) * 1_000_000n) >> 10n) << 10n) + 2_049n;
  const commit = (Industry: string, commitNumber: bigint, sequenceNumber: number) =>
    mirror.publish({
      header: {
        recordIds: [id],
        changedFields: bits('Industry'),
        commitTimestamp: BigInt(Math.floor(now / 1000) * 1000),
        commitNumber,
        sequenceNumber,
      },
      fields: { Industry },
    });
  commit('later', earlier + 1n, 1);
  commit('earlier', earlier, 2);
  await mirror.settled();
  equal((await mirror.account(id)).fields['Industry'], 'later', 'the later commit wins');
}

/** A reading contains the event of the same second before it, and wins over it. */
export async function readingBeatsTheEventBeforeIt(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  await mirror.salesforce.update(id, { Phone: 'told' });
  await mirror.settled();
  mirror.changeSilently(id, { Phone: 'unreported, in the same second' });
  await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
  await mirror.healed();
  equal((await mirror.account(id)).fields['Phone'], 'unreported, in the same second', 'the reading wins');
}

/** An event from the future is set aside: its version would shut out every later change. */
export async function futureIsSetAside(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  const inAnHour = BigInt(Date.now() + 3_600_000);
  mirror.publish({
    header: { recordIds: [id], changedFields: bits('Industry'), commitTimestamp: inAnHour },
    fields: { Industry: 'Tomorrow' },
  });
  await mirror.salesforce.update(id, { Industry: 'Today' });
  await mirror.settled();
  await mirror.healed();
  equal((await mirror.account(id)).fields['Industry'], 'Today', 'a change of now still counts');
}
