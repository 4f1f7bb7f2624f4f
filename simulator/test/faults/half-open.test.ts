import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const handle = useFaultSimulator({ networkFaults: true, keepaliveIntervalMs: 30 });
const { connect, create, subscribe } = handle;

describe('half-open connections', () => {
  it('a half-open connection forwards nothing until it is released', async () => {
    const { faults } = handle.simulator;
    await create();
    const client = connect();
    const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(1);
    const { off } = faults.stream.halfOpen.on();
    let answered = false;
    const question = client.getTopic('/data/ChangeEvents').then(() => {
      answered = true;
    });
    for (let count = 0; count < 5; count += 1) await create();
    expect([subscription.events().length, answered]).toEqual([1, false]);
    off();
    await subscription.received(6);
    await question;
  });

  it('a half-open connection is cut like any other', async () => {
    await create();
    const subscription = subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(1);
    handle.simulator.faults.stream.cut.now();
    expect((await subscription.failure()).code).toBe(14);
    await eventually(
      'a new one opens',
      async () => (await connect().getTopic('/data/ChangeEvents')).topicName,
    );
  });
});

describe.each([{ networkFaults: false }, { networkFaults: true }])('streams over TLS with %j', (options) => {
  const tls = useFaultSimulator({ tls: 'pubsub', ...options });

  it.each(['reset', 'goAway', 'cut'] as const)('a stream over TLS ends by %s', async (how) => {
    await tls.create();
    const subscription = tls.subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(1);
    tls.simulator.faults.stream[how].now();
    expect((await subscription.failure()).code).not.toBe(0);
  });
});
