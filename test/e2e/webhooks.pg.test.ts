import type { RelayShape } from 'salesforce-simulator/webhooks/event-relay.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { untilEqual } from '../helpers/mirror-differences.ts';
import type { ApiEvent, Page } from '../helpers/tidemark.ts';
import { outboundPath, sendersFor, signed, webhookSecret } from '../helpers/webhooks.ts';

const organizationId = '00Dal00000AbCdEEAV';
// The long form takes some minutes.
const long = process.env['TIDEMARK_LONG'] === '1';
const limitMs = long ? 300_000 : 75_000;
const changes = long ? 20_000 : 1_000;

describe('changes by webhook', () => {
  let mirror: LiveMirror;
  let url: string;

  beforeAll(async () => {
    mirror = await openMirror({
      simulator: { organizationId },
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
      () => mirror.simulator.webhooks.senders().every(({ waiting, abandoned }) => waiting + abandoned === 0),
      limitMs,
    ).then(() => true);

  const backlogGone = (): Promise<true> =>
    eventually(
      'every event is applied',
      async () => {
        const [row] = await mirror.sql<{ n: number }>(`select count(*)::int as n from event_queue`);
        return row?.n === 0;
      },
      limitMs,
    ).then(() => true);

  const relay = (shape: RelayShape, batchSize: number) =>
    mirror.simulator.webhooks.relayEvents({
      url: `${url}/webhooks/change-events`,
      secret: webhookSecret,
      shape,
      batchSize,
      retryMs: 5,
    });

  const tellByMessages = () =>
    mirror.simulator.webhooks.sendOutboundMessages({
      url: `${url}${outboundPath}`,
      batchSize: 20,
      retryMs: 5,
    });

  it('changes from both sources in any order and with repetitions end in a mirror equal to the org', async () => {
    const { faults, webhooks } = mirror.simulator;
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
    faults.clearAll();
    webhooks.stop();
    await backlogGone();
    await untilEqual(mirror);
    await mirror.healed();
    const [row] = await mirror.sql<{ by_webhook: number; copies: number; stale: number }>(
      `select count(*) filter (where source = 'webhook')::int as by_webhook,
              count(*) filter (where duplicate_of is not null)::int as copies,
              (select count(*)::int from accounts where stale_version is not null) as stale from event_log`,
    );
    if (long) process.stdout.write(`${JSON.stringify({ changes, ...row })}\n`);
    expect(row?.by_webhook).toBeGreaterThan(changes);
    expect(row?.copies).toBeGreaterThan(changes / 2);
    expect(row?.stale).toBe(0);
  }, 900_000);

  const post = async (value: unknown): Promise<void> => {
    const body = JSON.stringify(value);
    const answer = await fetch(`${url}/webhooks/change-events`, {
      method: 'POST',
      headers: signed(body),
      body,
    });
    expect([answer.status, await answer.json()]).toMatchObject([202, {}]);
  };
  let commits = 0;
  /** An event that only a webhook tells of, committed now. */
  const event = (recordIds: readonly string[], header: object, fields: object = {}) => ({
    ChangeEventHeader: {
      entityName: 'Account',
      recordIds,
      changeType: 'UPDATE',
      transactionKey: `by-webhook-${++commits}`,
      sequenceNumber: 1,
      commitTimestamp: Math.floor(Date.now() / 1_000) * 1_000,
      // Behind what the org itself commits in this millisecond.
      commitNumber: String(BigInt(Date.now()) * 1_000_000n + 900_000n + BigInt(commits)),
      ...header,
    },
    ...fields,
  });
  const history = async (id: string): Promise<readonly ApiEvent[]> =>
    (await mirror.get<Page<ApiEvent>>(`/v1/accounts/${id}/events?limit=200`)).data;

  it('a change from two sources is shown once, whichever came first', async () => {
    const relays = [relay('cometd', 1), relay('payload', 5)];
    const id = await mirror.salesforce.create({ Name: 'Told twice' });
    await mirror.accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    await mirror.salesforce.update(id, { Industry: 'Banking' });
    await delivered();
    for (const sender of relays) sender.stop();
    // What came by the stream is there too.
    await mirror.settled();
    await backlogGone();
    const shown = await history(id);
    const told = shown.map(({ changeType, transactionKey }) => `${changeType} ${transactionKey}`);
    expect(new Set(told).size).toBe(told.length);
    expect(shown.map(({ changeType }) => changeType)).toEqual(expect.arrayContaining(['CREATE', 'UPDATE']));
    const log = await mirror.events(`recordId=${id}`);
    expect(log.length).toBe(2 * shown.length);
    const copies = log.filter(({ state }) => state === 'skipped');
    expect(copies.length).toBe(shown.length);
    const originals = new Set(shown.map((entry) => entry.id));
    for (const copy of copies) expect(originals).toContain(Reflect.get(copy, 'duplicateOf'));
  });

  it('changes of one transaction become visible together in any order of a request', async () => {
    const ids = await Promise.all([1, 2, 3, 4].map((n) => mirror.salesforce.create({ Name: `Part ${n}` })));
    await mirror.settled();
    const common = { transactionKey: 'one-transaction', changedFields: ['Site'] };
    const part = (index: number, Site: string) =>
      event([ids[index] ?? ''], { ...common, sequenceNumber: index + 1 }, { Site });
    await post([part(3, 'whole'), part(1, 'whole'), part(0, 'whole'), part(2, 'whole')]);
    await mirror.accountWhen(ids[0] ?? '', 'it is applied', ({ fields }) => fields['Site'] === 'whole');
    const rows = await mirror.sql<{ sites: number; moments: number }>(
      `select count(distinct xmin::text)::int as moments, count(*)::int as sites from event_outcomes
        where transaction_key = 'one-transaction' and state = 'applied'`,
    );
    // One database transaction wrote all of them.
    expect(rows).toEqual([{ sites: 4, moments: 1 }]);
  });

  it('changes without values are read and the read wins over the event of the same second', async () => {
    const id = await mirror.salesforce.create({ Name: 'Gap', Rating: 'Cold' });
    await mirror.accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    const commitTimestamp = Math.ceil(Date.now() / 1_000) * 1_000;
    const commitNumber = commitTimestamp * 1_000;
    const changedFields = ['Rating'];
    mirror.changeSilently(id, { Rating: 'Hot' });
    await post([
      event([id], { commitTimestamp, commitNumber, changedFields }, { Rating: 'Warm' }),
      event([id], { commitTimestamp, commitNumber: commitNumber + 1, changeType: 'GAP_UPDATE' }),
    ]);
    await mirror.accountWhen(
      id,
      'it is read again',
      ({ fields, stale }) => fields['Rating'] === 'Hot' && !stale,
    );
    await mirror.healed();
    const [gap] = (await mirror.incidents()).filter(({ accountIds }) => accountIds.includes(id));
    expect(gap).toMatchObject({ cause: 'gap', state: 'closed' });
  });

  it('a change as a Pub/Sub client writes it is applied, and one that fits no field is refused with its name', async () => {
    const id = await mirror.salesforce.create({ Name: 'As it comes' });
    await mirror.accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    const changedFields = ['site', 'BillingCity', 'NumberOfEmployees'];
    const members = { Site: { string: 'tagged' }, BillingCity: 'Bergen', numberofemployees: '42' };
    await post(event([id], { changedFields }, members));
    const { fields } = await mirror.accountWhen(
      id,
      'it is applied',
      (now) => now.fields['Site'] === 'tagged',
    );
    expect(fields).toMatchObject({ BillingAddress: { City: 'Bergen' }, NumberOfEmployees: 42 });
    const body = JSON.stringify(event([id], { changedFields: ['Site'] }, { Site: ['no', 'text'] }));
    const headers = signed(body);
    const answer = await fetch(`${url}/webhooks/change-events`, { method: 'POST', headers, body });
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      {
        type: '/docs/problems#invalid-event',
        errors: [{ field: 'Site', message: 'must be a single value' }],
      },
    ]);
  });

  it('changes by outbound message are read from Salesforce and not trusted', async () => {
    const id = await mirror.salesforce.create({ Name: 'Messenger' });
    await mirror.accountWhen(id, 'the code is confirmed', ({ codeState }) => codeState === 'confirmed');
    // Read a moment ago: only the moment of the message tells that this reading is not enough.
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync?wait=true`);
    const sender = tellByMessages();
    mirror.changeSilently(id, { Site: 'only a message tells' });
    const told = await mirror.accountWhen(
      id,
      'it is read again',
      ({ fields, stale }) => fields['Site'] === 'only a message tells' && !stale,
    );
    expect(told.name).toBe('Messenger');
    sender.stop();
    const [notice] = await mirror.events(`recordId=${id}&changeType=GAP_UPDATE`);
    expect(notice).toMatchObject({ state: 'applied', changedFields: [] });
    const incidents = (await mirror.incidents()).filter(({ accountIds }) => accountIds.includes(id));
    expect(incidents).toEqual([]);
  });

  it('the control API starts the sending of webhooks and the simulator reports its progress', async () => {
    const control = async (method: string, path: string, body?: object): Promise<unknown> => {
      const headers = body === undefined ? {} : { 'content-type': 'application/json' };
      const options = body === undefined ? { method } : { method, headers, body: JSON.stringify(body) };
      return (await fetch(`${mirror.simulator.instanceUrl}/simulator${path}`, options)).json();
    };
    const to = {
      url: `${url}/webhooks/change-events`,
      secret: `whsec_${Buffer.alloc(32, 9).toString('base64')}`,
    };
    expect(await control('POST', '/webhooks/change-events', { ...to, retryMs: 5 })).toMatchObject({
      waiting: 0,
    });
    await mirror.salesforce.create({ Name: 'Refused' });
    await mirror.until('it is refused and tried again', async () => {
      const { webhooks } = (await control('GET', '/webhooks')) as {
        webhooks: { failures: number; lastError: string }[];
      };
      return (
        (webhooks[0]?.failures ?? 0) >= 2 && /^401 .*untrusted-sender/.test(webhooks[0]?.lastError ?? '')
      );
    });
    expect(await control('DELETE', '/webhooks')).toEqual({ stopped: 1 });
    expect(
      await control('POST', '/webhooks/change-events', { url: 'file:///etc/passwd', secret: 'x' }),
    ).toHaveProperty('error');
  });
});

type Tx = Parameters<Parameters<LiveMirror['inOneTransaction']>[0]>[0];

/** Each call changes something: an account that is deleted comes back. */
function changeOne(tx: Tx, id: string, n: number) {
  if (n % 97 === 0 && tx.delete(id).success) return;
  if (tx.undelete(id).success) return;
  if (n % 5 === 0) tx.update(id, { BillingCity: n % 2 === 0 ? `City ${n}` : null, Rating: null });
  else if (n % 5 === 1) tx.update(id, { NumberOfEmployees: n, AnnualRevenue: n * 1.5, Active__c: 'Yes' });
  else tx.update(id, { Name: `Changed ${n}`, Rating: n % 3 === 0 ? 'Hot' : 'Warm' });
}
