import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { type Lease, takeLease } from '../../src/db/lease.ts';
import { listenForWakeUps } from '../../src/db/wake-up.ts';
import { createProcessFaults, type ProcessFaults } from '../../src/health/process-faults.ts';
import { awaitOrg } from '../../src/ingest/follow-topic.ts';
import { subscribe } from '../../src/ingest/subscribe.ts';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { connectOrg } from '../../src/salesforce/org-connection.ts';
import { defaultTiming } from '../../src/timing.ts';
import { eventually } from '../helpers/eventually.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic, inOrg } from '../helpers/simulator-org.ts';

const streamProvenMs = 200;

describe('a process that follows the topic', () => {
  const mirror = useMirrorOfSimulator({ simulator: { keepaliveIntervalMs: 50 } });
  let lease: Lease;
  let faults: ProcessFaults;
  const holder = (pid: number) => ({ name: 'a', host: 'here', pid });
  const row = async () =>
    (
      await mirror.database.rows<{ state: string; outage_since: Date | null }>(
        'select state, outage_since from subscriptions',
      )
    )[0];
  const outageSince = async () => (await row())?.outage_since ?? undefined;
  const storedEvents = async () => (await mirror.database.rows('select from events')).length;
  const streamFault = () => faults.list().find(({ area }) => area === 'stream');
  const isStreaming = async () => (await row())?.state === 'streaming';

  beforeEach(async () => {
    lease = await takeLease(mirror.database.pool, accountTopic, holder(1));
    faults = createProcessFaults();
  });

  /** Follows the topic until the test ends; resolves with the error that ends it earlier. */
  const follow = (): Promise<unknown> => {
    const stopping = new AbortController();
    const wakeUps = listenForWakeUps(mirror.database.url, () => {});
    const { context } = mirror;
    const ended = subscribe(
      {
        ...context,
        lease,
        faults,
        wakeUps,
        replayPreset: 'earliest',
        quietMs: 50,
        timing: { ...defaultTiming, streamSilenceTimeoutMs: 10_000, streamProvenMs },
      },
      stopping.signal,
    ).catch((error: unknown) => error);
    onTestFinished(async () => {
      stopping.abort();
      await ended;
      await wakeUps.close();
    });
    return ended;
  };
  const change = async (name: string): Promise<void> => {
    const before = await storedEvents();
    inOrg(mirror.simulator).create({ Name: name });
    await eventually('the change is stored', async () => (await storedEvents()) > before);
  };

  it('sign-ins that take long and fail are an outage of the stream', async () => {
    void follow();
    await eventually('it streams', isStreaming);
    const { oauth, stream } = mirror.simulator.faults;
    oauth.slow.on({ delayMs: streamProvenMs * 2 });
    oauth.fail.on({ how: 'unavailable' });
    mirror.simulator.sessions.revokeAll();
    stream.end.now({ errorCode: 'service.auth.error' });
    await eventually('the outage is stored', outageSince);
    expect(streamFault()).toBeDefined();
  });

  it('an outage begins at the end of the last stream that worked and not at an earlier end', async () => {
    void follow();
    await change('before');
    mirror.simulator.faults.stream.end.now();
    await change('after an end that is no outage');
    expect(await outageSince()).toBeUndefined();
    const lastWorked = Date.now();
    mirror.simulator.faults.stream.refuse.on({ calls: ['Subscribe'], errorCode: 'service.unavailable' });
    mirror.simulator.faults.stream.end.now();
    const since = await eventually('the outage is stored', outageSince);
    expect(since.getTime()).toBeGreaterThanOrEqual(lastWorked);
  });

  it('a process that loses the topic in an outage of the stream reports no fault of the stream', async () => {
    mirror.simulator.faults.stream.refuse.on({ calls: ['Subscribe'], errorCode: 'service.unavailable' });
    const ended = follow();
    await eventually('the fault is reported', () => streamFault());
    await takeLease(mirror.database.pool, accountTopic, holder(2));
    expect(await ended).toMatchObject({ name: 'LeaseLostError' });
    expect(streamFault()).toBeUndefined();
  });

  it.each([
    ['loses the topic', () => takeLease(mirror.database.pool, accountTopic, holder(2)).then(() => {})],
    ['stops', (stopping: AbortController) => stopping.abort()],
  ])('a process that waits for the first sign-in and %s reports no fault of the stream', async (_, end) => {
    const stopping = new AbortController();
    const away = new SalesforceError('Salesforce is unavailable', 'UNAVAILABLE', 'transient');
    const salesforce = connectOrg(() => Promise.reject(away), mirror.context.logger);
    onTestFinished(() => salesforce.close());
    const waiting = awaitOrg({ ...mirror.context, lease, faults, salesforce }, stopping.signal).catch(
      (error: unknown) => error,
    );
    await eventually('the fault is reported', () => streamFault());
    await end(stopping);
    await waiting;
    expect(streamFault()).toBeUndefined();
  });
});
