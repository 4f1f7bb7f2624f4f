import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type SalesforceRest, salesforceRest } from '../helpers/salesforce-rest.ts';
import {
  type ApiAccount,
  type ApiEvent,
  type Page,
  startTidemark,
  type Tidemark,
} from '../helpers/tidemark.ts';

describe('interruptions of running work', () => {
  let database: TestDatabase;
  let sandbox: Sandbox;
  let salesforce: SalesforceRest;
  let tidemark: Tidemark;

  beforeEach(async () => {
    database = await createTestDatabase();
    sandbox = await startSandbox({ accounts: 3, keepaliveIntervalMs: 200 });
    salesforce = salesforceRest(sandbox);
    tidemark = await startTidemark(database.url, sandbox);
  });

  afterEach(async () => {
    await tidemark.stop();
    await sandbox.close();
    await database.drop();
  });

  const confirmed = (id: string) =>
    eventually(`the code of ${id} is confirmed`, async () => {
      const account = await tidemark.get<ApiAccount>(`/v1/accounts/${id}`);
      return account.codeState === 'confirmed' && account;
    });

  it('a restart loses nothing that happened meanwhile', async () => {
    const before = await salesforce.create({ Name: 'Before' });
    await confirmed(before);
    await tidemark.stop();
    const during = await salesforce.create({ Name: 'During' });
    await salesforce.update(before, { Phone: '4711' });
    await salesforce.remove(before);
    tidemark = await startTidemark(database.url, sandbox);
    expect(await confirmed(during)).toMatchObject({ name: 'During' });
    const gone = await tidemark.get<ApiAccount>(`/v1/accounts/${before}`);
    expect(gone.deletedAt).not.toBeNull();
    expect(gone.fields['Phone']).toBe('4711');
    // Resumed behind the last stored event, not from the beginning, and not by reading everything again.
    const { data: resyncs } = await tidemark.get<Page<{ reason: string }>>('/v1/resyncs');
    expect(resyncs.filter(({ reason }) => reason === 'initial')).toHaveLength(1);
    const { data: events } = await tidemark.get<Page<ApiEvent>>('/v1/events?limit=200');
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
  });

  it('an expired token is renewed for the stream and for the write-back', async () => {
    await confirmed(await salesforce.create({ Name: 'First' }));
    sandbox.sessions.revokeAll();
    const rest = salesforceRest(sandbox);
    sandbox.disconnectStreams('service.auth.error');
    await confirmed(await rest.create({ Name: 'Second' }));
    sandbox.sessions.revokeAll();
    await confirmed(await salesforceRest(sandbox).create({ Name: 'Third' }));
  });

  it('streams ended cleanly and with errors store every event once', async () => {
    const ids: string[] = [];
    for (const error of [undefined, 'service.unavailable', undefined, 'subscription.internal.error']) {
      ids.push(await salesforce.create({ Name: `Account ${ids.length}` }));
      sandbox.disconnectStreams(error);
      ids.push(await salesforce.create({ Name: `Account ${ids.length}` }));
    }
    for (const id of ids) await confirmed(id);
    const { data: creations } = await tidemark.get<Page<ApiEvent>>('/v1/events?changeType=CREATE&limit=200');
    expect(creations.map(({ recordIds }) => recordIds[0]).sort()).toEqual([...ids].sort());
  });
});
