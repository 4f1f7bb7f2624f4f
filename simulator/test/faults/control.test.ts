import { describe, expect, it } from 'vitest';
import { useFaultSimulator } from './fault-simulator.ts';

const handle = useFaultSimulator();
const { create, rest, send, subscribe } = handle;
const limits = () => rest('GET', '/limits').then(({ status }) => status);

describe('faults over the control API', () => {
  it('every fault is described with its effect and its parameters', async () => {
    const { body } = await send('GET', '/simulator/faults');
    const { faults, on } = Object(body);
    expect(on).toEqual([]);
    expect(faults.length).toBeGreaterThan(25);
    for (const { about, kind, name, parameters } of faults) {
      expect(name).toMatch(/^[a-z]+\.[a-zA-Z]+$/);
      expect(['switch', 'act']).toContain(kind);
      expect(about).toMatch(/\.$/);
      expect(parameters).toMatchObject({ type: 'object', additionalProperties: false });
    }
    expect(faults.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['stream.silence', 'stream.end', 'events.gap', 'rest.fail', 'oauth.fail']),
    );
  });

  it('faults are switched on, listed and cleared one by one or all together', async () => {
    const started = await send('POST', '/simulator/faults/rest.fail', { how: 'server-error', times: 3 });
    expect(started).toMatchObject({ status: 200, body: { name: 'rest.fail', id: expect.any(Number) } });
    await send('POST', '/simulator/faults/stream.silence');
    expect(await limits()).toBe(500);
    expect((await send('GET', '/simulator/faults')).body).toMatchObject({
      on: [
        { name: 'stream.silence', parameters: {}, struck: 0, left: null },
        { name: 'rest.fail', parameters: { how: 'server-error', times: 3 }, struck: 1, left: 2 },
      ],
    });
    expect((await send('DELETE', '/simulator/faults/rest.fail')).body).toEqual({ off: 1 });
    expect(await limits()).toBe(200);
    expect((await send('DELETE', '/simulator/faults')).body).toEqual({ off: 1 });
    expect((await send('GET', '/simulator/faults')).body).toMatchObject({ on: [] });
  });

  it('some faults act immediately', async () => {
    await create();
    const subscription = subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(1);
    const { body } = await send('POST', '/simulator/faults/stream.end', { errorCode: 'service.unavailable' });
    expect(body).toEqual({ name: 'stream.end', streams: 1 });
    expect((await subscription.failure()).code).toBe(13);
  });

  it.each([
    ['rest.fail', {}, 'how'],
    ['rest.fail', { how: 'badly' }, 'how'],
    ['rest.fail', { how: 'server-error', times: 0 }, 'times'],
    ['rest.fail', { how: 'server-error', probability: 2 }, 'probability'],
    ['rest.fail', { how: 'server-error', often: 1 }, 'often'],
    ['stream.duplicates', { events: 'two' }, 'events'],
    ['stream.end', { errorCode: 'No Code' }, 'errorCode'],
    ['stream.end', { status: 'UNAVAILABLE' }, 'errorCode'],
    ['stream.refuse', { calls: ['Publish'] }, 'calls'],
    ['stream.halfOpen', {}, 'networkFaults'],
    ['records.refused', { errorCode: 'UNABLE_TO_LOCK_ROW', namePattern: '(' }, 'namePattern'],
    ['events.enriched', { channel: '/data/Nope__chn' }, 'channel'],
    ['events.undecodable', { how: 'cut', recordIds: [] }, 'recordIds'],
  ])('the fault %s refuses %j and names %s', async (name, parameters, wrong) => {
    const answer = await send('POST', `/simulator/faults/${name}`, parameters);
    expect(answer.status).toBe(400);
    expect(Object(answer.body).error).toContain(wrong);
    expect((await send('GET', '/simulator/faults')).body).toMatchObject({ on: [] });
  });

  it('an unknown fault is not found', async () => {
    expect((await send('POST', '/simulator/faults/stream.nope', {})).status).toBe(404);
    expect((await send('DELETE', '/simulator/faults/stream.nope')).status).toBe(404);
  });
});
