import { beforeEach, describe, expect, it } from 'vitest';
import { readWebhookTransactions } from '../../src/apply/webhook-rows.ts';
import { storeWebhookEvents } from '../../src/ingest/store-webhooks.ts';
import { parseExactJson } from '../../src/salesforce/exact-json.ts';
import { parseJsonEvent } from '../../src/salesforce/json-change-event.ts';
import { accountId } from '../helpers/change-events.ts';
import { useDatabase } from '../helpers/use-database.ts';

const event = (transactionKey: string, sequenceNumber: number) => {
  const header = {
    entityName: 'Account',
    recordIds: [accountId],
    changeType: 'DELETE',
    transactionKey,
    sequenceNumber,
  };
  const payload = { ChangeEventHeader: { ...header, commitTimestamp: 1, commitNumber: 1 } };
  return parseJsonEvent(parseExactJson(JSON.stringify(payload)));
};

describe('webhook events that wait to be applied', () => {
  const database = useDatabase();
  let requests = 0;
  /** One request, received so long ago. */
  const receive = async (ago: string, ...events: ReturnType<typeof event>[]): Promise<void> => {
    const id = `msg_${++requests}`;
    await storeWebhookEvents(database.pool, { id, body: Buffer.from(id), events, schemaId: 'x' });
    await database.rows(
      `update event_queue set received_at = now() - $1::interval
        where event_id in (select id from events where event_id like $2)`,
      [ago, `${id}#%`],
    );
  };
  const places = async (): Promise<{ transactions: string[][]; hasIncomplete: boolean }> => {
    const { transactions, hasIncomplete } = await readWebhookTransactions(database.pool);
    const rows = await database.rows<{ id: bigint; place: string }>(
      `select id, h ->> 'transactionKey' || (h ->> 'sequenceNumber') as place
         from (select id, convert_from(payload, 'UTF8')::jsonb -> 'ChangeEventHeader' as h from events) e`,
    );
    const byId = new Map(rows.map(({ id, place }) => [id, place]));
    return {
      transactions: transactions.map((group) => group.map(({ id }) => byId.get(id) ?? '')),
      hasIncomplete,
    };
  };

  beforeEach(() => database.rows('truncate events, event_queue, event_outcomes'));

  it('webhook events are applied by transactions in the order in which these began', async () => {
    await receive('2 s', event('a', 2), event('b', 1), event('a', 1));
    await receive('1 s', event('c', 1), event('b', 2));
    expect(await places()).toEqual({
      transactions: [['a2', 'a1'], ['b1', 'b2'], ['c1']],
      hasIncomplete: false,
    });
  });

  it('the events of a transaction wait while parts of it still arrive', async () => {
    await receive('3 s', event('a', 1), event('b', 1));
    await receive('-1 h', event('a', 2));
    expect(await places()).toEqual({ transactions: [['b1']], hasIncomplete: true });
    await database.rows(
      `update event_queue set received_at = now() - interval '2 s' where transaction_key = 'a'`,
    );
    expect(await places()).toEqual({ transactions: [['a1', 'a2'], ['b1']], hasIncomplete: false });
  });

  it('an incomplete transaction is applied after a time limit', async () => {
    await receive('6 s', event('a', 1));
    await receive('-1 h', event('a', 2));
    expect(await places()).toEqual({ transactions: [['a1', 'a2']], hasIncomplete: false });
  });

  it('a read without complete transactions reports when more will be ready', async () => {
    await receive('-1 h', event('a', 1));
    expect(await places()).toEqual({ transactions: [], hasIncomplete: true });
    await database.rows('truncate events, event_queue, event_outcomes');
    expect(await places()).toEqual({ transactions: [], hasIncomplete: false });
  });
});
