import { expect, it } from 'vitest';
import { openMirror } from '../helpers/live-mirror.ts';
import { shownAccounts, untilEqual } from '../helpers/mirror-differences.ts';
import type { Page } from '../helpers/tidemark.ts';

type Incident = {
  readonly cause: string;
  readonly extent: string;
  readonly state: string;
  readonly from: string | null;
  readonly to: string | null;
  readonly detail: string;
  readonly resyncId: string | null;
};

it('an outage longer than the retention of the bus is repaired automatically and recorded as an incident', async () => {
  await using mirror = await openMirror({ simulator: { accounts: 60, retentionMs: 1_500 } });
  const [updated = '', deleted = '', gone = '', ...rest] = mirror.accountIds();
  await mirror.salesforce.update(updated, { Phone: 'before the outage' });
  await mirror.settled();
  await mirror.worked();
  await mirror.stop();
  await mirror.salesforce.update(updated, { Phone: 'during the outage', BillingCity: 'Delft' });
  for (const id of rest.slice(0, 20)) await mirror.salesforce.update(id, { Industry: 'Energy' });
  await mirror.salesforce.remove(deleted);
  await mirror.salesforce.remove(gone);
  await mirror.salesforce.undelete(gone);
  const created = await mirror.salesforce.create({ Name: 'Made during the outage' });
  await mirror.until(
    'the bus has forgotten all of it',
    async () => mirror.simulator.bus.retained().length === 0,
  );
  await mirror.startAgain();
  await mirror.until('it has noticed', async () => (await mirror.incidents()).length > 0);
  await mirror.healed();
  await untilEqual(mirror);

  const shown = await shownAccounts(mirror);
  expect(shown.get(created)).toMatchObject({ codeState: 'confirmed', signupCode: expect.any(String) });
  expect(shown.get(deleted)?.deletedAt).not.toBeNull();

  const incidents = await mirror.get<Page<Incident>>('/v1/incidents');
  expect(incidents.data).toEqual([
    expect.objectContaining({ cause: 'position lost', extent: 'since', state: 'closed' }),
  ]);
  const [{ from, to, resyncId } = { from: null, to: null, resyncId: null }] = incidents.data;
  expect(Date.parse(from ?? '')).toBeLessThan(Date.parse(to ?? ''));
  expect(await mirror.get(`/v1/resyncs/${resyncId}`)).toMatchObject({
    reason: 'position lost',
    scope: 'since',
    state: 'done',
    read: expect.any(Number),
  });
});
