import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

/** What waits for longer than a test: the state tells what is waited for, and a request ends the wait. */
const reactions = [
  { code: 'service.protection.triggered', class: 'throttle', state: 'waiting' },
  { code: 'service.protection.stream.limit.triggered', class: 'throttle', state: 'waiting' },
  { code: 'concurrent.client.limit.exceeded', class: 'throttle', state: 'waiting' },
  { code: 'subscription.fetch.overflow', class: 'throttle', state: 'waiting' },
  { code: 'subscription.limit.exceeded', class: 'quota', state: 'waiting' },
  { code: 'service.auth.headers.invalid', class: 'config', state: 'stopped' },
  { code: 'topic.not.found', class: 'config', state: 'stopped' },
  { code: 'topic.validation.empty', class: 'config', state: 'stopped' },
  { code: 'service.tenant.license', class: 'permission', state: 'stopped' },
  { code: 'topic.meta.permission', class: 'permission', state: 'stopped' },
  { code: 'schema.meta.permission', class: 'permission', state: 'stopped' },
  { code: 'subscription.topic.cannot.subscribe', class: 'permission', state: 'stopped' },
  { code: 'service.auth.refresh.invalid', class: 'bug', state: 'stopped' },
  { code: 'schema.validation.failed', class: 'bug', state: 'stopped' },
  { code: 'subscription.fetch.requested.events.invalid', class: 'bug', state: 'stopped' },
  { code: 'subscription.fetch.topic.mismatch', class: 'bug', state: 'stopped' },
  { code: 'subscription.fetch.request.invalid', class: 'bug', state: 'stopped' },
];

describe('streams that Salesforce ends for a reason', () => {
  let mirror: LiveMirror;
  beforeAll(async () => {
    mirror = await openMirror({ simulator: { keepaliveIntervalMs: 200 } });
  });
  afterEach(async () => {
    await mirror.tidemark.request('POST', '/v1/subscription/reconnect');
    await mirror.until('the stream is open again', async () => {
      return (await mirror.status()).subscription.state === 'streaming';
    });
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  it('the reason of an ended stream is shown with the action to take and nothing is lost until it continues', async () => {
    const [id = ''] = mirror.accountIds();
    for (const { code, class: failure, state } of reactions) {
      mirror.simulator.faults.stream.end.now({ errorCode: code });
      const { subscription } = await mirror.until(`${code} is shown`, async () => {
        const status = await mirror.status();
        return status.subscription.lastError?.code === code && status;
      });
      expect(subscription, code).toMatchObject({ state, lastError: { code, class: failure } });
      await mirror.salesforce.update(id, { Description: code });
      await mirror.tidemark.request('POST', '/v1/subscription/reconnect');
      await mirror.accountWhen(id, `${code} cost nothing`, ({ fields }) => fields['Description'] === code);
    }
    expect(await mirror.incidents()).toEqual([]);
  });

  it('a stream ended by GOAWAY ENHANCE_YOUR_CALM is reopened after a long pause', async () => {
    mirror.simulator.faults.stream.goAway.now({ code: 'ENHANCE_YOUR_CALM' });
    const { subscription } = await mirror.until('it is shown', async () => {
      const status = await mirror.status();
      return status.subscription.state === 'waiting' && status;
    });
    expect(subscription).toMatchObject({ lastError: { class: 'throttle' } });
  });

  it('a reason that needs a person makes the service unready at once and is hidden from callers without a key', async () => {
    mirror.simulator.faults.stream.end.now({ errorCode: 'subscription.topic.cannot.subscribe' });
    const answer = await mirror.until('it is not ready', async () => {
      const probe = await fetch(`${mirror.tidemark.url}/health/ready`);
      return probe.status === 503 && (await probe.text());
    });
    expect(answer).toContain('The stream of /data/AccountChangeEvent is stopped');
    expect(answer).not.toContain('cannot.subscribe');
  });
});
