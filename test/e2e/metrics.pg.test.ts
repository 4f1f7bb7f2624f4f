import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testSchemaId } from '../helpers/change-events.ts';
import { type ApiStatus, accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { metric, metricNames, promtool } from '../helpers/metrics.ts';
import { openRestGate } from '../helpers/rest-gate.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

type Status = ApiStatus & {
  readonly health: string;
  readonly counts: {
    readonly accounts: {
      readonly active: number;
      readonly deleted: number;
      readonly stale: number;
      readonly byCodeState: Record<string, number>;
    };
    readonly incidents: Record<string, number>;
  };
  readonly writeBack: {
    readonly state: string;
    readonly api: { readonly used: number; readonly max: number };
  };
  readonly lastVerification: { readonly different: number };
};

describe('the metrics of a running mirror', () => {
  let mirror: LiveMirror;
  let gate: Awaited<ReturnType<typeof openRestGate>>;
  beforeAll(async () => {
    gate = await openRestGate();
    mirror = await openMirror({ gate });
  });
  afterAll(async () => {
    await mirror[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  const metrics = async (): Promise<string> => (await fetch(`${mirror.tidemark.url}/metrics`)).text();
  const value = async (name: string, labels?: Readonly<Record<string, string>>): Promise<number> =>
    metric(await metrics(), name, labels) ?? Number.NaN;
  const until = (name: string, labels: Readonly<Record<string, string>>, atLeast: number): Promise<true> =>
    mirror.until(
      `${name} is at least ${atLeast}`,
      async () => (await value(name, labels)) >= atLeast && true,
    );

  it('every series of a counter exists before the first increment', async () => {
    const text = await metrics();
    for (const outcome of ['applied', 'skipped', 'failed'])
      expect(metric(text, 'tidemark_events_total', { outcome })).toBeDefined();
    for (const outcome of ['written', 'retried', 'failed'])
      expect(metric(text, 'tidemark_codes_total', { outcome })).toBeDefined();
    for (const target of ['stream', 'rest', 'sign-in', 'database'])
      expect(metric(text, 'tidemark_connection_errors_total', { target })).toBeDefined();
  });

  it('events are counted once each, by outcome', async () => {
    await mirror.settled();
    await mirror.codesConfirmed();
    const applied = { outcome: 'applied' };
    const failed = { outcome: 'failed' };
    const before = await value('tidemark_events_total', applied);
    const failedBefore = await value('tidemark_events_total', failed);
    const id = await mirror.salesforce.create({ Name: 'Counted' });
    await writeBacksOf(mirror).confirmed(id);
    await mirror.codesConfirmed();
    // The creation, and the code that Tidemark wrote.
    expect(await value('tidemark_events_total', applied)).toBe(before + 2);
    mirror.simulator.bus.publishRaw(accountTopic, {
      id: randomUUID(),
      schemaId: testSchemaId,
      payload: Buffer.from([0xff]),
    });
    await until('tidemark_events_total', failed, failedBefore + 1);
    expect(await value('tidemark_events_total', failed)).toBe(failedBefore + 1);
  });

  it('codes are counted by outcome, and measured from their assignment to their confirmation', async () => {
    await mirror.codesConfirmed();
    const written = await value('tidemark_codes_total', { outcome: 'written' });
    const confirmed = await value('tidemark_code_latency_seconds_count');
    const id = await mirror.salesforce.create({ Name: 'Measured' });
    await writeBacksOf(mirror).confirmed(id);
    expect(await value('tidemark_codes_total', { outcome: 'written' })).toBe(written + 1);
    await until('tidemark_code_latency_seconds_count', {}, confirmed + 1);
    expect(await value('tidemark_code_latency_seconds_count')).toBe(confirmed + 1);
    const { records } = mirror.simulator.faults;
    records.refused.on({ errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', client: 'Tidemark' });
    const failed = await value('tidemark_codes_total', { outcome: 'failed' });
    await mirror.salesforce.create({ Name: 'Refused' });
    await until('tidemark_codes_total', { outcome: 'failed' }, failed + 1);
    records.refused.off();
    expect(await value('tidemark_code_latency_seconds_count')).toBe(confirmed + 1);
  });

  it('the metrics follow the naming rules of Prometheus', async ({ skip }) => {
    if (promtool === undefined) skip('promtool is not installed');
    const checked = spawnSync(promtool ?? '', ['check', 'metrics'], {
      input: await metrics(),
      encoding: 'utf8',
    });
    expect(checked.stdout + checked.stderr).toBe('');
    expect(checked.status).toBe(0);
  });

  it('the metrics show the counts and states of the status, and all that alerts and dashboard use', async () => {
    await mirror.codesConfirmed();
    await mirror.worked();
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all', mode: 'verify' });
    await mirror.healed();
    const [text, status] = await mirror.until('both were read at the same state', async () => {
      const before = await mirror.get<Status>('/v1/status');
      const text = await metrics();
      const after = await mirror.get<Status>('/v1/status');
      const isQuiet = metric(text, 'tidemark_verification_differences') !== undefined;
      const [first, second] = [before, after].map(({ counts, writeBack }) =>
        JSON.stringify([counts, writeBack]),
      );
      return isQuiet && first === second && ([text, after] as const);
    });
    const { counts, writeBack } = status;
    const states = (name: string, values: Readonly<Record<string, number>>): void => {
      for (const [state, count] of Object.entries(values)) expect(metric(text, name, { state })).toBe(count);
    };
    states('tidemark_accounts', { active: counts.accounts.active, deleted: counts.accounts.deleted });
    states('tidemark_account_codes', counts.accounts.byCodeState);
    states('tidemark_incidents', counts.incidents);
    states('tidemark_health', { [status.health]: 1 });
    states('tidemark_subscription_state', { [status.subscription.state]: 1 });
    states('tidemark_write_back_state', { [writeBack.state]: 1 });
    expect(metric(text, 'tidemark_stale_accounts')).toBe(counts.accounts.stale);
    expect(metric(text, 'tidemark_failed_events')).toBe(counts.events['failed']);
    expect(metric(text, 'tidemark_backlog_events')).toBe(status.backlog);
    expect(metric(text, 'tidemark_verification_differences')).toBe(status.lastVerification.different);
    expect(metric(text, 'tidemark_salesforce_api_requests_used')).toBe(writeBack.api.used);
    expect(metric(text, 'tidemark_salesforce_api_requests_limit')).toBe(writeBack.api.max);
    expect(metric(text, 'tidemark_build_info', { node: process.versions.node })).toBe(1);
    for (const file of ['deploy/prometheus/rules.yaml', 'deploy/grafana/tidemark.json']) {
      const used = metricNames(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'));
      expect(used.length).toBeGreaterThan(10);
      for (const name of used) expect(text, `${name} of ${file}`).toContain(`# TYPE ${name} `);
    }
  });

  it('the position loses its events 72 hours after it was current', async () => {
    await mirror.settled();
    await mirror.codesConfirmed();
    const remaining = (): Promise<number> => value('tidemark_stream_position_remaining_seconds');
    expect(await remaining()).toBeGreaterThan(71 * 3_600);
    expect(await remaining()).toBeLessThanOrEqual(72 * 3_600);
    await mirror.sql(
      "update subscriptions set position_at = now() - interval '70 hours', keepalive_replay_id = null",
    );
    await mirror.until('the metrics are read again', async () => (await remaining()) <= 2 * 3_600);
    await mirror.sql(
      "update subscriptions set last_keepalive_at = now() - interval '1 hour', keepalive_replay_id = replay_id",
    );
    await mirror.until('a keepalive moves the position', async () => (await remaining()) > 70 * 3_600);
  });

  it('failures of connections are counted by target and class', async () => {
    const errors = (target: string, failure: string): Promise<number> =>
      value('tidemark_connection_errors_total', { target, class: failure }).then((n) => n || 0);
    const { stream, oauth } = mirror.simulator.faults;
    const before = await errors('stream', 'transient');
    const unavailable = { errorCode: 'service.unavailable', status: 'UNAVAILABLE' } as const;
    stream.refuse.on({ calls: ['Subscribe'], ...unavailable });
    stream.end.now(unavailable);
    await until('tidemark_connection_errors_total', { target: 'stream', class: 'transient' }, before + 1);
    stream.refuse.off();

    const rest = gate.meet({ path: /\/query/, times: 1, treatment: { kind: 'cut' } });
    const restBefore = await errors('rest', 'transient');
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all', mode: 'verify' });
    await until('tidemark_connection_errors_total', { target: 'rest', class: 'transient' }, restBefore + 1);
    rest.release();

    oauth.fail.on({ how: 'inactive_user' });
    mirror.simulator.sessions.revokeAll();
    stream.end.now({ errorCode: 'service.auth.error' });
    await until('tidemark_connection_errors_total', { target: 'sign-in', class: 'permission' }, 1);
    oauth.fail.off();
    await mirror.tidemark.request('POST', '/v1/subscription/reconnect');

    await mirror.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'tidemark%'",
    );
    await until('tidemark_connection_errors_total', { target: 'database', class: 'unreachable' }, 1);
  });
});
