import { deepEqual, equal, notEqual } from 'node:assert/strict';
import type { LiveMirror } from '../../helpers/live-mirror.ts';

/** An event that says that an account changed, and not what, has the account read. */
export async function gapIsRead(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.inGaps((tx) => tx.update(id, { Rating: 'Hot' }));
  await mirror.settled();
  await mirror.healed();
  equal((await mirror.account(id)).fields['Rating'], 'Hot', 'what the gap hid is read');
}

/** A deletion that no event told of is found when everything is read, also of a record that is not in the bin either. */
export async function untoldDeletionIsFound(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.silently((tx) => tx.delete(id));
  await mirror.sql(
    `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
     select '001999999999999AAA', fields, base_version, field_versions, version, now(), now() from accounts limit 1`,
  );
  mirror.simulator.org.publishGap('GAP_OVERFLOW', ['000000000000000AAA']);
  await mirror.settled();
  await mirror.healed();
  notEqual((await mirror.account(id)).deletedAt, null, 'the untold deletion is found');
  notEqual((await mirror.account('001999999999999AAA')).deletedAt, null, 'the untold purge is found');
}

/** A position that expired during an outage: what was changed meanwhile is read, and the hole is on record. */
export async function expiredPositionIsRead(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  await mirror.stop();
  await mirror.salesforce.update(id, { Phone: 'during the outage' });
  mirror.simulator.faults.stream.expire.now();
  await mirror.startAgain();
  await mirror.settled();
  await mirror.healed();
  equal((await mirror.account(id)).fields['Phone'], 'during the outage', 'what expired is read');
  const lost = (await mirror.incidents()).filter(({ cause }) => cause === 'position lost');
  deepEqual(
    lost.map(({ state }) => state),
    ['closed'],
    'the hole is on record, once',
  );
}
