import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { testSchemaJson } from '../helpers/change-events.ts';
import { tidemarkCommand } from '../helpers/command.ts';
import { accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { startTidemark, storyKey } from '../helpers/tidemark.ts';

type Status = {
  readonly health: string;
  readonly reasons: readonly { code: string; message: string; since: string | null; action: string }[];
  readonly freshThrough: string | null;
  readonly verifiedThrough: string | null;
  readonly subscription: {
    readonly state: string;
    readonly stateSince: string;
    readonly lastError: { readonly code: string; readonly at: string } | null;
  };
};

const graceMs = 300;
const lines: {
  readonly level: number;
  readonly msg: string;
  readonly code?: string;
  readonly cause?: string;
}[] = [];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
const overrides = { timing: { outageGraceMs: graceMs, streamProvenMs: 1_500, settleMs: 200 }, logger };

let mirror: LiveMirror;
beforeAll(async () => {
  mirror = await openMirror({ tidemark: overrides });
});
afterAll(() => mirror[Symbol.asyncDispose]());

const status = (): Promise<Status> => mirror.get('/v1/status');
const ready = async (): Promise<{ readonly status: number; readonly reasons: readonly string[] }> => {
  const probe = await fetch(`${mirror.tidemark.url}/health/ready`);
  const body = (await probe.json()) as { reasons?: string[] };
  return { status: probe.status, reasons: body.reasons ?? [] };
};
const healthy = (): Promise<unknown> =>
  mirror.until('nothing is wrong', async () => (await status()).health === 'healthy');
const statusCommand = () =>
  tidemarkCommand({ TIDEMARK_URL: mirror.tidemark.url, TIDEMARK_API_KEY: storyKey }, 'status').ended;
const linesWith = (text: string) => lines.filter(({ msg }) => msg.includes(text));

describe('an outage of the stream', () => {
  it('an outage of the stream has one beginning and one end, however often it is tried, and each is logged once', async () => {
    await healthy();
    lines.length = 0;
    const refusal = mirror.simulator.faults.stream.refuse.on({
      calls: ['Subscribe'],
      errorCode: 'service.unavailable',
    });
    onTestFinished(() => void refusal.off());
    mirror.simulator.faults.stream.end.now({ errorCode: 'service.unavailable' });
    const first = await mirror.until('it is down', async () => {
      const now = await status();
      return now.health === 'down' && now;
    });
    expect(first.reasons[0]).toMatchObject({
      code: 'stream-down',
      message: expect.stringContaining('service.unavailable'),
      since: first.subscription.stateSince,
    });
    const tries = new Set<string>();
    await mirror.until('it was tried three times more', async () => {
      const probe = await ready();
      const now = await status();
      expect([probe.status, now.health]).toEqual([503, 'down']);
      expect(now.subscription).toMatchObject({
        state: 'waiting',
        stateSince: first.subscription.stateSince,
      });
      expect(Date.parse(now.freshThrough ?? '')).toBeLessThanOrEqual(
        Date.parse(first.subscription.stateSince),
      );
      return tries.add(now.subscription.lastError?.at ?? '').size > 3;
    });
    refusal.off();
    await healthy();
    expect((await ready()).status).toBe(200);
    expect(linesWith('stream disconnected')).toMatchObject([{ code: 'service.unavailable', level: 40 }]);
    expect(linesWith('stream reconnected')).toMatchObject([{ code: 'service.unavailable', level: 30 }]);
    expect(linesWith('stream still')).toEqual([]);
  });

  it('an outage that needs a person is down at once, also for the command line, and ends when any process is asked to reconnect', async () => {
    const refusal = mirror.simulator.faults.stream.refuse.on({
      calls: ['Subscribe'],
      errorCode: 'subscription.topic.cannot.subscribe',
    });
    mirror.simulator.faults.stream.end.now({ errorCode: 'service.unavailable' });
    await mirror.until(
      'a person is asked for',
      async () => (await status()).subscription.state === 'stopped',
    );
    expect((await status()).reasons[0]).toMatchObject({ code: 'stream-stopped', action: expect.any(String) });
    const command = await statusCommand();
    expect(command.stdout).toMatch(/^Down for .* \(stream-stopped\): /);
    expect(command.exitCode).toBe(2);
    const api = await startTidemark(mirror.database.url, mirror.simulator, {
      roles: new Set(['api'] as const),
    });
    try {
      refusal.off();
      // The next automatic attempt is half a minute away or more.
      const answer = await api.request('POST', '/v1/subscription/reconnect');
      expect([answer.status, await answer.json()]).toMatchObject([202, { state: 'stopped' }]);
      await healthy();
      expect((await statusCommand()).exitCode).toBe(0);
    } finally {
      await api.stop();
    }
  });
});

describe('events that the database does not store', () => {
  it.each([
    ['53100', 'database-full', /disk of the database is full/],
    ['25006', 'database-read-only', /database is read-only/],
  ])(
    'changes that the database refuses with %s make the service unready, with the cause',
    async (errorCode, code, summary) => {
      // Not even the outage can be stored.
      await mirror.sql(`create function refuse_writes() returns trigger language plpgsql as
      $$ begin raise exception 'not stored' using errcode = '${errorCode}'; end $$`);
      await mirror.sql(
        `create trigger refuse_writes before insert on events execute function refuse_writes();
         create trigger refuse_writes before update on subscriptions execute function refuse_writes()`,
      );
      const id = mirror.accountIds()[0] ?? '';
      try {
        await mirror.salesforce.update(id, { Description: code });
        const probe = await mirror.until('it is not ready', async () => {
          const now = await ready();
          return now.status === 503 && now;
        });
        expect(probe.reasons.join(' ')).toMatch(summary);
        expect((await status()).reasons[0]).toMatchObject({ code, action: expect.stringMatching(/\w/) });
      } finally {
        await mirror.sql('drop function refuse_writes cascade');
      }
      await mirror.accountWhen(id, 'the change arrives', ({ fields }) => fields['Description'] === code);
      await healthy();
    },
  );
});

describe('what a comparison finds', () => {
  it('a comparison that finds differences degrades the verdict until they are repaired, and both are logged', async () => {
    await healthy();
    lines.length = 0;
    const [id = ''] = mirror.accountIds();
    mirror.changeSilently(id, { Description: 'not reported' });
    await resync({ mode: 'verify' });
    const found = await status();
    expect([found.health, found.reasons.map(({ code }) => code)]).toEqual(['degraded', ['differences']]);
    expect((await ready()).status).toBe(200);
    const metrics = await (await fetch(`${mirror.tidemark.url}/metrics`)).text();
    expect(metrics).toContain('tidemark_health_reasons{code="differences"} 1');
    await resync({ mode: 'repair' });
    await healthy();
    await mirror.until('both are logged', async () => linesWith('incident closed').length > 0);
    expect(linesWith('incident opened')).toMatchObject([{ level: 40, cause: 'difference' }]);
    expect(linesWith('incident closed')).toMatchObject([{ level: 30, cause: 'difference' }]);
  });

  it('a later comparison without differences ends what an earlier one found', async () => {
    const [id = ''] = mirror.accountIds();
    const [{ fields } = { fields: '' }] = await mirror.sql<{ fields: string }>(
      'select fields::text as fields from accounts where id = $1',
      [id],
    );
    await mirror.sql(`update accounts set fields = fields || '{"Phone": "000"}' where id = $1`, [id]);
    await resync({ mode: 'verify' });
    expect((await status()).health).toBe('degraded');
    await mirror.sql('update accounts set fields = $2::jsonb where id = $1', [id, fields]);
    await resync({ mode: 'verify' });
    const { health, verifiedThrough } = await status();
    expect(health).toBe('healthy');
    expect(Date.parse(verifiedThrough ?? '')).toBeGreaterThan(0);
  });
});

describe('what operators read in the log', () => {
  it.each([
    ['a gap event', 'gap', 'accounts'],
    ['an event that cannot be decoded', 'failed event', 'since'],
  ])('%s is one line with its facts, and one when it is repaired', async (_what, cause, extent) => {
    await healthy();
    lines.length = 0;
    const [id = ''] = mirror.accountIds();
    const eventId = randomUUID();
    if (cause === 'gap') {
      mirror.publish({ header: { recordIds: [id], changeType: 'GAP_UPDATE' }, fields: {} }, { eventId });
    } else {
      const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
      mirror.simulator.bus.publishRaw(accountTopic, { id: eventId, schemaId, payload: Buffer.from([0xff]) });
    }
    await mirror.until('the repair is logged', async () => linesWith('incident closed').length > 0);
    const event = await mirror.get<{ id: string; error: string | null }>(`/v1/events/${eventId}`);
    expect(linesWith('incident opened')).toMatchObject([
      { level: 40, cause, extent, events: [event.id], detail: expect.stringContaining(event.error ?? '1') },
    ]);
    expect(linesWith('incident closed')).toMatchObject([{ level: 30, cause }]);
  });

  it('a write-back that waits for the API budget is one line with the usage, and one when it resumes', async () => {
    await healthy();
    lines.length = 0;
    const { allowance } = mirror.simulator;
    onTestFinished(() => allowance.refill());
    allowance.set({ used: Math.ceil(allowance.max * 0.81) });
    const id = await mirror.salesforce.create({ Name: 'Waits for the budget' });
    await mirror.until('the wait is logged', async () => linesWith('write-back waiting').length > 0);
    allowance.refill();
    await mirror.accountWhen(id, 'its code is there', ({ signupCode }) => signupCode !== null);
    await mirror.until('the end is logged', async () => linesWith('write-back resumed').length > 0);
    const message = expect.stringMatching(
      /80 % of the org's daily API requests are used.*\d+ of \d+ are used/,
    );
    expect(linesWith('write-back waiting')).toMatchObject([
      { level: 40, reason: { code: 'api-allowance', message } },
    ]);
    expect(linesWith('write-back resumed')).toMatchObject([{ level: 30 }]);
  });
});

describe('stored changes that cannot be applied', () => {
  it('a schema that may not be read is the cause that status and readiness name', async () => {
    const refusal = mirror.simulator.faults.stream.refuse.on({
      calls: ['GetSchema'],
      errorCode: 'schema.meta.permission',
    });
    onTestFinished(() => void refusal.off());
    const [id = ''] = mirror.accountIds();
    mirror.simulator.bus.registerSchema('another-schema-0000000', testSchemaJson);
    mirror.publish(
      { header: { recordIds: [id], changeType: 'UPDATE' }, fields: {} },
      { schemaId: 'another-schema-0000000' },
    );
    const found = await mirror.until('it is down', async () => {
      const now = await status();
      return now.health === 'down' && now;
    });
    expect(found.reasons).toContainEqual({
      code: 'apply-failing',
      message: expect.stringContaining('schema.meta.permission'),
      since: expect.any(String),
      action: expect.stringContaining('Grant the integration user access'),
    });
    expect((await ready()).reasons.join(' ')).toContain('Grant the integration user access');
    refusal.off();
    await healthy();
    expect(linesWith('stored changes cannot be applied')).toHaveLength(1);
    expect(linesWith('stored changes are applied again')).toHaveLength(1);
  });
});

async function resync(order: { readonly mode: string }): Promise<void> {
  const answer = await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all', ...order });
  const { id } = (await answer.json()) as { id: string };
  await mirror.until('the resync is done', async () => {
    const { state } = await mirror.get<{ state: string }>(`/v1/resyncs/${id}`);
    return state === 'done';
  });
}
