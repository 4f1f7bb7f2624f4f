import { deepEqual, equal } from 'node:assert/strict';
import { bits } from '../../helpers/change-events.ts';
import type { LiveMirror } from '../../helpers/live-mirror.ts';

/** Events that the database refuses once come again: the position does not move before they are stored. */
export async function refusedEventsComeAgain(mirror: LiveMirror): Promise<void> {
  // A read of the start would bring what the stream has lost.
  await mirror.begun();
  const [id = ''] = mirror.takeAccountIds(1);
  await mirror.sql(`
    create sequence refusals;
    create function refuse_once() returns trigger language plpgsql as $$
      begin
        if nextval('refusals') = 1 then raise exception 'the disk is full'; end if;
        return null;
      end $$;
    create trigger refuse_once before insert on events for each statement execute function refuse_once()`);
  await mirror.salesforce.update(id, { Phone: 'refused once' });
  await mirror.until('the refusal is noticed', async () =>
    (await mirror.status()).subscription.lastError?.code.startsWith('database-'),
  );
  await mirror.settled();
  equal((await mirror.account(id)).fields['Phone'], 'refused once', 'the refused event came again');
}

/** Events that are delivered again after a reconnect are stored once. */
export async function repeatedEventsAreStoredOnce(mirror: LiveMirror): Promise<void> {
  const { duplicates } = mirror.simulator.faults.stream;
  for (const id of mirror.takeAccountIds(4)) await mirror.salesforce.update(id, { Phone: id });
  await mirror.settled();
  duplicates.on({ events: 4, times: 1 });
  mirror.simulator.disconnectStreams();
  await mirror.settled();
  equal(duplicates.isOn, false, 'events were delivered again');
  // Events of different records may share an id.
  const events = (await mirror.events('')).map(({ eventId, recordIds }) => `${eventId} ${recordIds}`);
  deepEqual(events, [...new Set(events)], 'every event is stored once');
}

/** Events that share a replay id, and even their own id, are two events if they tell of two records. */
export async function sharedIdsAreTwoEvents(mirror: LiveMirror): Promise<void> {
  const ids = mirror.takeAccountIds(2);
  const [first = '', second = ''] = ids;
  const change = (id: string) => ({
    header: { recordIds: [id], changedFields: bits('Industry') },
    fields: { Industry: 'Shared' },
  });
  const eventId = mirror.publish(change(first));
  mirror.publish(change(second), { eventId, replayId: mirror.simulator.bus.latestReplayId() });
  await mirror.settled();
  const accounts = await Promise.all(ids.map((id) => mirror.account(id)));
  deepEqual(
    accounts.map(({ fields }) => fields['Industry']),
    ['Shared', 'Shared'],
    'both events with one id are applied',
  );
}
