import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type NextStep, runLoop, sleep } from '../src/run-loop.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A loop whose steps do what is given, one after the other; the last one is repeated. */
function start(steps: readonly (NextStep | Error)[], options: Partial<Parameters<typeof runLoop>[0]> = {}) {
  const stop = new AbortController();
  const failures: number[] = [];
  let count = 0;
  const ended = runLoop({
    pollMs: 1_000,
    signal: stop.signal,
    onFailure: (_, number) => void failures.push(number),
    step: async () => {
      const next = steps[Math.min(count++, steps.length - 1)] ?? 'wait';
      if (next instanceof Error) throw next;
      return next;
    },
    ...options,
  });
  return { stop: () => stop.abort(), steps: () => count, failures, ended };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a loop', () => {
  it('a step is repeated at once while it asks for that, and then at the interval', async () => {
    const loop = start(['again', 'again', 'wait']);
    await pass(0);
    expect(loop.steps()).toBe(3);
    await pass(999);
    expect(loop.steps()).toBe(3);
    await pass(1);
    expect(loop.steps()).toBe(4);
    loop.stop();
    await loop.ended;
  });

  it('a wake-up during a step is not missed', async () => {
    let wake = (): void => {};
    let finish = (): void => {};
    let steps = 0;
    const stop = new AbortController();
    const ended = runLoop({
      pollMs: 60_000,
      wakeOn: () => new Promise<void>((resolve) => (wake = resolve)),
      step: () => {
        steps += 1;
        return new Promise((resolve) => (finish = () => resolve('wait')));
      },
      onFailure: () => {},
      signal: stop.signal,
    });
    await pass(0);
    wake();
    finish();
    await pass(0);
    expect(steps).toBe(2);
    stop.abort();
    finish();
    await ended;
  });

  it('a step that asks for a pause is not woken during it', async () => {
    const loop = start([{ pauseMs: 300 }], { wakeOn: async () => {} });
    await pass(299);
    expect(loop.steps()).toBe(1);
    await pass(1);
    expect(loop.steps()).toBe(2);
    loop.stop();
    await loop.ended;
  });

  it('a step that waits for a shorter time is woken before it ends, and no timer of it is left', async () => {
    const stop = new AbortController();
    let wake = (): void => {};
    let steps = 0;
    const ended = runLoop({
      pollMs: 5_000,
      wakeOn: () => new Promise<void>((resolve) => (wake = resolve)),
      step: async () => {
        steps += 1;
        return { waitMs: 300 };
      },
      onFailure: () => {},
      signal: stop.signal,
    });
    await pass(299);
    expect(steps).toBe(1);
    await pass(1);
    expect(steps).toBe(2);
    wake();
    await pass(0);
    expect([steps, vi.getTimerCount()]).toEqual([3, 1]);
    stop.abort();
    await ended;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('failures in a row are counted for the backoff, and a success ends the row', async () => {
    const loop = start([new Error('1'), new Error('2'), 'wait', new Error('3'), 'wait'], {
      backoff: (failures) => failures * 100,
    });
    await pass(100);
    expect(loop.failures).toEqual([1, 2]);
    await pass(200);
    expect(loop.steps()).toBe(3);
    await pass(1_000);
    expect(loop.failures).toEqual([1, 2, 1]);
    loop.stop();
    await loop.ended;
  });

  it('a loop that waits first does not begin with a step', async () => {
    const loop = start(['wait'], { waitsFirst: true });
    await pass(999);
    expect(loop.steps()).toBe(0);
    await pass(1);
    expect(loop.steps()).toBe(1);
    loop.stop();
    await loop.ended;
  });

  it('an abort ends every kind of wait at once and reports no failure', async () => {
    for (const kind of ['wait', { pauseMs: 10_000 }, new Error('broken')] as const) {
      const loop = start([kind], { backoff: () => 10_000 });
      await pass(0);
      loop.stop();
      await loop.ended;
    }
    const stop = new AbortController();
    const reported: unknown[] = [];
    const ended = runLoop({
      pollMs: 10,
      signal: stop.signal,
      onFailure: (error) => void reported.push(error),
      step: async () => {
        stop.abort();
        throw new Error('the connection was closed');
      },
    });
    await ended;
    expect(reported).toEqual([]);
  });

  it('an error of the failure handler ends the loop', async () => {
    const fatal = new Error('another process has taken over');
    const loop = start([fatal], {
      onFailure: (error) => {
        throw error;
      },
    });
    await expect(loop.ended).rejects.toBe(fatal);
  });
});

it('a sleep leaves no listener behind', async () => {
  const stop = new AbortController();
  const removed = vi.spyOn(stop.signal, 'removeEventListener');
  const slept = sleep(10, stop.signal);
  await pass(10);
  await slept;
  expect(removed).toHaveBeenCalledTimes(1);
});
