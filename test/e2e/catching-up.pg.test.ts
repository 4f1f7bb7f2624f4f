import { afterAll, beforeAll, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

type Status = {
  readonly health: string;
  readonly reasons: readonly { code: string; message: string; since: string | null; action: string }[];
  readonly freshThrough: string | null;
};

let mirror: LiveMirror;
beforeAll(async () => {
  // The silence between two slow responses proves nothing.
  mirror = await openMirror({ simulator: { keepaliveIntervalMs: 500 }, tidemark: { quietMs: 5_000 } });
});
afterAll(() => mirror[Symbol.asyncDispose]());

const status = (): Promise<Status> => mirror.get('/v1/status');

it('a mirror that receives the changes of a long outage is degraded and current up to what it has received', async () => {
  const [id = ''] = mirror.accountIds();
  await mirror.codesConfirmed();
  await mirror.stop();
  // The mirror last knew that it was current when the outage began, three hours ago.
  const outageMs = 3 * 3_600_000;
  await mirror.sql(`update subscriptions set current_at = now() - interval '${outageMs} ms',
                                             watermark = '1.1.1.0'`);
  await mirror.sql(`update resyncs set read_at = read_at - interval '${outageMs} ms'`);
  const begun = Math.floor(Date.now() / 1_000) * 1_000 - outageMs;
  const commits = Array.from({ length: 120 }, (_, n) => begun + n * 60_000);
  for (const [n, commitTimestamp] of commits.entries()) {
    mirror.publish({
      header: { recordIds: [id], changeType: 'UPDATE', commitTimestamp: BigInt(commitTimestamp) },
      fields: { Phone: String(n) },
    });
  }
  const slow = mirror.simulator.faults.stream.slow.on({ delayMs: 150 });
  const small = mirror.simulator.faults.stream.smallBatches.on({ events: 1 });
  await mirror.startAgain();
  const seen = await mirror.until('changes of the outage were received', async () => {
    const [row] = await mirror.sql<{ n: number }>(
      `select count(*)::int as n from event_log where state = 'applied' and commit_timestamp <= now() - interval '30 min'`,
    );
    return (row?.n ?? 0) >= 5 && status();
  });
  const [received] = await mirror.sql<{ at: Date }>(
    `select max(commit_timestamp) as at from event_log where commit_timestamp <= now() - interval '30 min'`,
  );
  expect(mirror.simulator.bus.retained().length).toBeGreaterThan(100);
  expect(seen.health).toBe('degraded');
  expect(seen.reasons).toMatchObject([
    {
      code: 'catching-up',
      message: expect.stringContaining(`all changes up to ${seen.freshThrough}.`),
      since: seen.freshThrough,
    },
  ]);
  expect(Date.parse(seen.freshThrough ?? '')).toBeGreaterThanOrEqual(begun);
  expect(Date.parse(seen.freshThrough ?? '')).toBeLessThanOrEqual(received?.at.getTime() ?? 0);
  slow.off();
  small.off();
  const released = Date.now();
  const current = await mirror.until('it has caught up', async () => {
    const now = await status();
    return now.health === 'healthy' && Date.parse(now.freshThrough ?? '') > released && now;
  });
  expect(current.reasons).toEqual([]);
});
