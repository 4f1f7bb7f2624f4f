import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { createJsonEvents } from 'salesforce-simulator/webhooks/json-event.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyWaiting } from '../../src/apply/apply-events.ts';
import { applyWebhooks } from '../../src/apply/apply-webhooks.ts';
import { queues } from '../../src/db/jobs.ts';
import { markQuiet, storeEvents } from '../../src/ingest/store-events.ts';
import { storeNotices, storeWebhookEvents } from '../../src/ingest/store-webhooks.ts';
import { readWatermark } from '../../src/ingest/subscription-rows.ts';
import { sweep } from '../../src/maintenance/sweep.ts';
import { rereadAccounts } from '../../src/resync/run-resync.ts';
import { parseExactJson } from '../../src/salesforce/exact-json.ts';
import { parseJsonEvent } from '../../src/salesforce/json-change-event.ts';
import { bits, encodeEvent, testSchemaId, testSchemaJson } from '../helpers/change-events.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic, currentSchema, inOrg } from '../helpers/simulator-org.ts';

const lease = { topic: accountTopic, epoch: 0n };
const phantom = '001000000009999AAA';

describe('changes from the stream and from webhooks', () => {
  const mirror = useMirrorOfSimulator({ accounts: 0 });
  let next = 0;
  beforeEach(async () => {
    await mirror.database.rows('truncate unconfirmed_records');
    mirror.simulator.bus.registerSchema(testSchemaId, testSchemaJson);
    await mirror.context.schemas.get(currentSchema(mirror.simulator).id);
    next = mirror.simulator.bus.latest();
  });

  const stored = (id: string, header: object, fields: object = {}) => ({
    ChangeEventHeader: {
      entityName: 'Account',
      recordIds: [id],
      changeType: 'UPDATE',
      transactionKey: randomUUID(),
      sequenceNumber: 1,
      // Whole seconds, like real ones: a later change of the same second must not look older.
      commitTimestamp: Math.floor(Date.now() / 1_000) * 1_000,
      commitNumber: String(BigInt(Date.now()) * 1_000_000n),
      ...header,
    },
    ...fields,
  });
  const storeJson = async (payload: object): Promise<void> => {
    const body = Buffer.from(JSON.stringify(payload));
    const events = [parseJsonEvent(parseExactJson(body.toString()))];
    const { id: schemaId } = currentSchema(mirror.simulator);
    await storeWebhookEvents(mirror.database.pool, { id: randomUUID(), body, events, schemaId });
    // As if no part of the transaction had come for long enough.
    await mirror.database.rows(
      `update event_queue set received_at = received_at - interval '1 s' where topic like '/webhooks/%'`,
    );
  };
  /** Delivers up to `most` further events by the stream. */
  const deliver = async (most: number): Promise<void> => {
    const batch = mirror.simulator.bus.read(accountTopic, next, { events: most, bytes: 1_000_000 });
    next = batch.next;
    await storeEvents(
      mirror.database.pool,
      lease,
      batch.events.map(({ id: eventId, ...event }) => ({ eventId, ...event })),
    );
    await markQuiet(mirror.database.pool, lease);
    while ((await applyWaiting(mirror.context)) > 0);
  };
  const waiting = async (): Promise<string[]> => {
    const rows = await mirror.database.rows<{ id: string }>(
      'select id from accounts where stale_version is not null union select id from unconfirmed_records order by 1',
    );
    return rows.map(({ id }) => id);
  };
  const becomeQuiet = async (): Promise<void> => {
    await deliver(1_000);
    await applyWebhooks(mirror.context);
    await rereadAccounts(mirror.context, await waiting());
  };
  const mirrored = async () => {
    const rows = await mirror.database.rows<{ id: string; fields: Record<string, unknown> }>(
      'select id, fields from accounts order by id',
    );
    return rows.map(({ id, fields }) => [id, fields['Industry'] ?? null, fields['Site'] ?? null]);
  };
  const inSalesforce = () =>
    [...mirror.simulator.org.records()]
      .map(({ id, values }) => [id, values['Industry'] ?? null, values['Site'] ?? null])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));

  const record = fc.nat(2);
  const field = fc.constantFrom('Industry', 'Site');
  const aheadMs = fc.integer({ min: 15_000, max: 290_000 });
  const step = fc.oneof(
    fc.record({ kind: fc.constant('change' as const), record, field, value: fc.nat(9) }),
    fc.record({ kind: fc.constant('relay' as const), back: fc.nat(3) }),
    fc.record({ kind: fc.constant('webhook ahead' as const), record, field, aheadMs }),
    fc.record({ kind: fc.constant('stream ahead' as const), record, field, aheadMs }),
    fc.record({ kind: fc.constant('gap by webhook' as const), record: fc.nat(3) }),
    fc.record({ kind: fc.constant('outbound message' as const), record: fc.nat(3) }),
    fc.record({ kind: fc.constant('deliver' as const), most: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('read all' as const) }),
    fc.record({ kind: fc.constant('apply webhooks' as const) }),
  );

  it('the mirror converges to Salesforce for any mix of stream events and webhooks, also ones that are dated ahead', async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), async (steps) => {
        const org = inOrg(mirror.simulator);
        const ids = [1, 2, 3].map((n) => org.create({ Name: `Mixed ${++number} ${n}` }));
        const idOf = (index: number): string => ids[index] ?? phantom;
        await becomeQuiet();
        const told: object[] = [];
        for (const one of steps) {
          switch (one.kind) {
            case 'change': {
              const before = mirror.simulator.bus.latest();
              org.update(idOf(one.record), { [one.field]: `value ${one.value}` });
              const { events } = mirror.simulator.bus.read(accountTopic, before, {
                events: 10,
                bytes: 1_000_000,
              });
              for (const { schemaId, payload } of events)
                told.push(createJsonEvents(mirror.simulator.bus.schema(schemaId) ?? '')(payload));
              break;
            }
            case 'relay': {
              const again = told.at(-1 - one.back);
              if (again !== undefined) await storeJson(again);
              break;
            }
            case 'webhook ahead':
              await storeJson(
                stored(
                  idOf(one.record),
                  { commitTimestamp: Date.now() + one.aheadMs, changedFields: [one.field] },
                  { [one.field]: 'never in Salesforce' },
                ),
              );
              break;
            case 'stream ahead':
              mirror.simulator.bus.publishRaw(accountTopic, {
                id: randomUUID(),
                schemaId: testSchemaId,
                payload: encodeEvent({
                  header: {
                    recordIds: [idOf(one.record)],
                    transactionKey: randomUUID(),
                    commitTimestamp: BigInt(Date.now() + one.aheadMs),
                    changedFields: bits('Industry'),
                  },
                  fields: { Industry: 'never in Salesforce' },
                }),
              });
              break;
            case 'gap by webhook':
              await storeJson(stored(idOf(one.record), { changeType: 'GAP_UPDATE' }));
              break;
            case 'outbound message':
              await storeNotices(mirror.database.pool, [
                {
                  notificationId: `04l${String(++number).padStart(12, '0')}AAA`,
                  organizationId: mirror.simulator.organizationId,
                  actionId: '04k000000000001AAA',
                  entityName: 'Account',
                  recordId: idOf(one.record),
                  receivedAt: Date.now(),
                },
              ]);
              break;
            case 'deliver':
              await deliver(one.most);
              break;
            case 'read all':
              await rereadAccounts(mirror.context, ids);
              break;
            case 'apply webhooks':
              await applyWebhooks(mirror.context);
              break;
          }
        }
        await becomeQuiet();
        expect(await mirrored()).toEqual(inSalesforce());
        expect(await waiting()).toEqual([]);
        const [time] = await readWatermark(mirror.database.pool, accountTopic);
        expect(time).toBeLessThanOrEqual(Date.now());
      }),
      { numRuns: Number(process.env['FC_RUNS'] ?? 12) },
    );
  });

  it('a webhook that is dated 280 s ahead keeps no later change of another account from the mirror', async () => {
    const org = inOrg(mirror.simulator);
    const [one, other] = [org.create({ Name: 'One' }), org.create({ Name: 'Other' })];
    await becomeQuiet();
    const ahead = { commitTimestamp: Date.now() + 280_000, changedFields: ['Industry'] };
    await storeJson(stored(one, ahead, { Industry: 'never in Salesforce' }));
    await applyWebhooks(mirror.context);
    await rereadAccounts(mirror.context, [other]);
    org.update(other, { Industry: 'Energy' });
    await becomeQuiet();
    expect(await mirrored()).toEqual(inSalesforce());
    const [event] = await mirror.database.rows(
      `select state, error from event_log where source = 'webhook' order by id desc limit 1`,
    );
    expect(event).toEqual({
      state: 'skipped',
      error: expect.stringMatching(/^The commit time is 2\d\d s ahead of the clock of this machine/),
    });
    const [incident] = await mirror.database.rows('select cause, state, account_ids from incidents');
    expect(incident).toEqual({ cause: 'dated ahead', state: 'closed', account_ids: [one] });
  });

  it('a webhook that names an unknown account creates none; it is listed once Salesforce has confirmed it', async () => {
    const real = inOrg(mirror.simulator).createQuietly({ Name: 'Told by a webhook only' });
    const notice = (recordId: string, n: number) => ({
      notificationId: `04l00000000000${n}AAA`,
      organizationId: mirror.simulator.organizationId,
      actionId: '04k000000000001AAA',
      entityName: 'Account',
      recordId,
      receivedAt: Date.now(),
    });
    await storeNotices(mirror.database.pool, [notice(phantom, 1), notice(real, 2)]);
    await storeJson(stored('001000000008888AAA', { changeType: 'GAP_CREATE' }));
    await applyWebhooks(mirror.context);
    expect(await mirrored()).toEqual([]);
    expect(await mirror.jobKeys(queues.reread)).toEqual(['001000000008888AAA', phantom, real].sort());
    // The job may be lost; what it was for is not.
    await mirror.database.rows('delete from pgboss.job');
    await sweep(mirror.context);
    expect(await mirror.jobKeys(queues.reread)).toEqual(['001000000008888AAA', phantom, real].sort());
    await rereadAccounts(mirror.context, await waiting());
    expect((await mirrored()).map(([id]) => id)).toEqual([real]);
    expect(await waiting()).toEqual([]);
  });

  it('a read by id settles a gap of the same second where no stream moves the watermark', async () => {
    const id = inOrg(mirror.simulator).createQuietly({ Name: 'Without a stream', Industry: 'Banking' });
    await rereadAccounts(mirror.context, [id]);
    const second = Math.floor(Date.now() / 1_000) * 1_000;
    const at = { commitTimestamp: second, changedFields: ['Industry'] };
    await storeJson(stored(id, at, { Industry: 'Energy' }));
    await storeJson(stored(id, { ...at, changeType: 'GAP_UPDATE', commitNumber: String(2n ** 62n) }));
    await applyWebhooks(mirror.context);
    expect(await waiting()).toEqual([id]);
    await rereadAccounts(mirror.context, [id]);
    expect(await waiting()).toEqual([]);
    expect(await mirrored()).toEqual(inSalesforce());
  });
});
