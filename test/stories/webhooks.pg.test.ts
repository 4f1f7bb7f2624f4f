import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RelayShape } from '../../src/sandbox/webhooks/event-relay.ts';
import { eventually } from '../helpers/eventually.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { untilEqual } from '../helpers/mirror-differences.ts';
import type { ApiEvent, Page } from '../helpers/tidemark.ts';
import { sendersFor, signed, webhookSecret } from '../helpers/webhooks.ts';

const organizationId = '00Dal00000AbCdEEAV';
// The whole of it takes a minute; see docs/webhooks.md.
const changes = process.env['TIDEMARK_LONG'] === '1' ? 20_000 : 2_000;

describe('changes by webhook', () => {
  let mirror: LiveMirror;
  let url: string;

  beforeAll(async () => {
    mirror = await openMirror({
      sandbox: { organizationId },
      tidemark: { webhooks: sendersFor(organizationId) },
    });
    await mirror.begun();
    url = mirror.tidemark.url;
  });
  afterAll(async () => {
    await mirror?.[Symbol.asyncDispose]();
  });

  const delivered = (): Promise<true> =>
    eventually(
      'all webhooks are delivered',
      () => mirror.sandbox.webhooks.senders().every(({ waiting, givenUp }) => waiting + givenUp === 0),
      120_000,
    ).then(() => true);

  const backlogGone = (): Promise<true> =>
    eventually(
      'every event is applied',
      async () => {
        const [row] = await mirror.sql<{ n: number }>(
          `select count(*)::int as n from events where state = 'stored'`,
        );
        return row?.n === 0;
      },
      120_000,
    ).then(() => true);

  const relay = (shape: RelayShape, batchSize: number) =>
    mirror.sandbox.webhooks.relay({
      url: `${url}/webhooks/change-events`,
      secret: webhookSecret,
      shape,
      batchSize,
      retryMs: 5,
    });

  const tellByMessages = () =>
    mirror.sandbox.webhooks.tell({ url: `${url}/webhooks/outbound-messages`, batchSize: 20, retryMs: 5 });

  it('arrive through both sources at once, in any order and more than once, and the mirror equals the org', async () => {
    const { faults, webhooks } = mirror.sandbox;
    relay('cometd', 100);
    relay('eventbridge', 60);
    relay('payload', 20);
    tellByMessages();
    faults.webhooks.duplicate.on({ probability: 0.1 });
    faults.webhooks.reordered.on({ probability: 0.1 });
    faults.webhooks.dropAnswer.on({ probability: 0.05 });
    faults.events.gap.on({ probability: 0.02 });
    const ids = Array.from({ length: 40 }, (_, n) =>
      mirror.inOneTransaction((tx) => {
        const made = tx.insert({ Name: `Both ways ${n}`, Industry: 'Energy', BillingCity: 'Oslo' });
        return made.success ? made.id : '';
      }),
    );
    for (let n = 40; n < changes; n++) {
      const id = ids[(n * 7) % ids.length] ?? '';
      mirror.inOneTransaction((tx) => changeOne(tx, id, n));
      // What was put on the bus goes out meanwhile.
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await delivered();
    await backlogGone();
    faults.clearAll();
    await untilEqual(mirror);
    await mirror.healed();
    webhooks.stop();
    const [row] = await mirror.sql<{ by_webhook: number; copies: number; stale: number }>(
      `select count(*) filter (where source = 'webhook')::int as by_webhook,
              count(*) filter (where duplicate_of is not null)::int as copies,
              (select count(*)::int from accounts where stale_version is not null) as stale from events`,
    );
    console.log({ changes, ...row });
    expect(row?.by_webhook).toBeGreaterThan(changes);
    expect(row?.copies).toBeGreaterThan(changes / 2);
    expect(row?.stale).toBe(0);
  }, 600_000);
});

function changeOne(tx: Parameters<Parameters<LiveMirror['inOneTransaction']>[0]>[0], id: string, n: number) {
  if (n % 97 === 0) return tx.delete(id);
  if (n % 97 === 20) return tx.undelete(id);
  if (n % 5 === 0) return tx.update(id, { BillingCity: n % 2 === 0 ? `City ${n}` : null, Rating: null });
  if (n % 5 === 1) return tx.update(id, { NumberOfEmployees: n, AnnualRevenue: n * 1.5, Active__c: 'Yes' });
  return tx.update(id, { Name: `Changed ${n}`, Rating: n % 3 === 0 ? 'Hot' : 'Warm' });
}
