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

/** A full read finds a deletion that no event reported, also of a record that was purged from the recycle bin. */
export async function unreportedDeletionIsFound(mirror: LiveMirror): Promise<void> {
  const [id = ''] = mirror.takeAccountIds(1);
  mirror.silently((tx) => tx.delete(id));
  await mirror.sql(
    `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
     select '001999999999999AAA', fields, base_version, field_versions, version, now(), now() from accounts limit 1`,
  );
  mirror.simulator.org.publishGap('GAP_OVERFLOW', ['000000000000000AAA']);
  await mirror.settled();
  await mirror.healed();
  notEqual((await mirror.account(id)).deletedAt, null, 'the unreported deletion is found');
  notEqual((await mirror.account('001999999999999AAA')).deletedAt, null, 'the unreported purge is found');
}

/** A position that expired during an outage: the changes of that time are read, and the gap is stored as an incident. */
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
    'the gap is stored, once',
  );
}
