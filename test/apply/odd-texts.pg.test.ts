import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { openIncident } from '../../src/incidents/incident-rows.ts';
import { storeEvents } from '../../src/ingest/store-events.ts';
import { ensureSubscription, setSubscriptionState } from '../../src/ingest/subscription-rows.ts';
import { saveDifferences } from '../../src/resync/difference-rows.ts';
import { saveResyncError } from '../../src/resync/finish-resync.ts';
import { insertResync } from '../../src/resync/request-resync.ts';
import { startResync } from '../../src/resync/resync-rows.ts';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { saveStatus } from '../../src/write-back/state-row.ts';
import { saveFindings } from '../../src/write-back/waiting-codes.ts';
import { useDatabase } from '../helpers/use-database.ts';

const topic = '/data/AccountChangeEvent';
const lease = { topic, epoch: 0n };
const odd = 'a\0b \ud83d';
const stored = 'a\ufffdb \ufffd';
const error = { code: 'STRING_TOO_LONG', message: odd, at: '2026-11-29T00:00:00.000Z' };

describe('external text with a NUL or a lone surrogate', () => {
  const database = useDatabase();
  const text = async (sql: string): Promise<unknown> => (await database.rows<{ v: unknown }>(sql))[0]?.v;

  beforeAll(() => ensureSubscription(database.pool, topic, '00D000000000001AAA'));

  it('an incident stores an unstorable character as U+FFFD', async () => {
    await openIncident(database.pool, {
      topic,
      cause: 'gap',
      detail: odd,
      extent: 'accounts',
      accountIds: [odd],
    });
    expect(await text('select detail as v from incidents')).toBe(stored);
  });

  it('a resync stores an unstorable character in its requester, ids, error and differences as U+FFFD', async () => {
    const id = await insertResync(database.pool, {
      scope: 'accounts',
      reason: odd,
      requestedBy: odd,
      invalidIds: [odd],
    });
    const claim = await startResync(database.pool, id);
    await saveResyncError(
      database.pool,
      { id, claim: claim?.claim ?? 0 },
      { code: 'X', message: odd, action: '' },
      true,
    );
    const values = { Name: { mirror: odd, salesforce: 'x' } };
    const difference = { accountId: '001', kind: 'fields', fields: [odd], values, modifiedAt: null } as const;
    await saveDifferences(database.pool, id, [difference], true);
    const [row] = await database.rows('select reason, requested_by, invalid_ids, error from resyncs');
    expect(row).toEqual({ reason: stored, requested_by: stored, invalid_ids: [stored], error: stored });
    expect(await text('select "values" as v from resync_differences')).toEqual({
      Name: { mirror: stored, salesforce: 'x' },
    });
  });

  it('the errors of stream and write-back store an unstorable character as U+FFFD', async () => {
    await setSubscriptionState(database.pool, lease, 'waiting', new SalesforceError(odd, 'X', 'transient'));
    expect(await text(`select last_error ->> 'message' as v from subscriptions`)).toBe(stored);
    await saveFindings(database.pool, [{ id: '001', code: 'C', outcome: 'gone', error }]);
    expect(await text(`select error ->> 'message' as v from write_back_attempts`)).toBe(stored);
    const reason = { code: 'X', message: odd };
    await saveStatus(database.pool, topic, {
      state: 'paused',
      reason,
      usage: undefined,
      reservePercent: 20,
    });
    expect(await text(`select reason ->> 'message' as v from write_back_state`)).toBe(stored);
  });

  it('an event whose id has an unstorable character or is longer than an index entry is stored once', async () => {
    const long = randomUUID().repeat(200);
    const ids = [odd, long, `${long}2`, randomUUID()];
    const events = ids.map((eventId) => ({
      eventId,
      schemaId: odd,
      replayId: null,
      payload: Buffer.from('x'),
    }));
    expect(await storeEvents(database.pool, lease, events)).toBe(4);
    expect(await storeEvents(database.pool, lease, events)).toBe(0);
  });
});
