import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fault, HealthFacts, StoredFacts, SubscriptionFacts } from '../../src/health/facts.ts';
import { notReadyReasons } from '../../src/health/problem.ts';
import { judgeHealth } from '../../src/health/verdict.ts';
import { ago, facts, now, stored, subscription } from './healthy-facts.ts';

const fault = (code: string, seconds: number): Fault => ({
  code,
  message: `what was said about ${code}`,
  action: `Do something about ${code}.`,
  since: ago(seconds),
});

const withStored = (more: Partial<StoredFacts>): HealthFacts => ({
  ...facts,
  stored: { ...stored, ...more },
});
const withStream = (more: Partial<SubscriptionFacts>): HealthFacts =>
  withStored({ subscription: { ...subscription, ...more } });
const load = {
  state: 'reading',
  read: 10,
  expected: 200,
  since: ago(30),
  error: null,
  cause: null,
  isWaitingForBudget: false,
};

/** One broken fact each, and what is said of it. */
const broken: readonly (readonly [name: string, HealthFacts, 'degraded' | 'down', code: string])[] = [
  ['the database does not answer', { ...facts, stored: null }, 'down', 'database-unreachable'],
  [
    'a column was removed',
    { ...facts, missingColumns: ['accounts.name'], stored: null },
    'down',
    'database-columns-missing',
  ],
  [
    'the table of accounts was removed',
    { ...facts, missingTable: 'relation "accounts" does not exist', stored: null },
    'down',
    'database-columns-missing',
  ],
  ['the database is read-only', withStored({ isReadOnly: true }), 'down', 'database-read-only'],
  ['nothing ever followed the topic', withStored({ subscription: null }), 'down', 'not-started'],
  ['the holder of the subscription is not seen', withStream({ renewedAt: ago(21) }), 'degraded', 'no-leader'],
  ['nothing follows the topic any more', withStream({ renewedAt: ago(61) }), 'down', 'no-leader'],
  [
    'the holder is not seen since a moment ago, and had no stream for longer',
    withStream({ state: 'connecting', stateSince: ago(61), renewedAt: ago(21) }),
    'down',
    'no-leader',
  ],
  [
    'no process has the role sync since a moment ago',
    withStream({ state: 'idle', stateSince: ago(1) }),
    'degraded',
    'no-leader',
  ],
  [
    'no process has the role sync',
    withStream({ state: 'idle', stateSince: ago(61), renewedAt: ago(63) }),
    'down',
    'no-leader',
  ],
  [
    'the mirror has not caught up since the stream was opened',
    withStream({ currentAt: ago(300), watermarkAt: ago(200) }),
    'degraded',
    'catching-up',
  ],
  [
    'records of the initial load cannot be stored',
    withStored({
      subscription: { ...subscription, loadedAt: null },
      initialLoad: { ...load, state: 'failed', error: '1 of the records that were read cannot be stored' },
    }),
    'down',
    'initial-load',
  ],
  [
    'the initial load is under way',
    withStored({ subscription: { ...subscription, loadedAt: null }, initialLoad: load }),
    'down',
    'initial-load',
  ],
  [
    'the stream went down just now',
    withStream({ state: 'waiting', outage: fault('UNAVAILABLE', 5) }),
    'degraded',
    'stream-down',
  ],
  [
    'the stream is down beyond the grace period',
    withStream({ state: 'waiting', outage: fault('UNAVAILABLE', 61) }),
    'down',
    'stream-down',
  ],
  [
    'the stream needs a person',
    withStream({ state: 'stopped', outage: { ...fault('invalid_grant', 1), needsPerson: true } }),
    'down',
    'stream-stopped',
  ],
  [
    'the stream is being opened',
    withStream({ state: 'connecting', stateSince: ago(5) }),
    'degraded',
    'stream-not-open',
  ],
  [
    'the stream does not get open',
    withStream({ state: 'connecting', stateSince: ago(61) }),
    'down',
    'stream-not-open',
  ],
  [
    'the disk is full',
    { ...facts, faults: [{ area: 'stream', ...fault('database-full', 1) }] },
    'down',
    'database-full',
  ],
  [
    'a lock keeps events from being stored',
    { ...facts, faults: [{ area: 'stream', ...fault('database-locked', 61) }] },
    'down',
    'database-locked',
  ],
  [
    'stored events cannot be applied',
    withStream({ applyFault: fault('schema.api.unavailable', 5) }),
    'degraded',
    'apply-failing',
  ],
  [
    'stored events cannot be applied before a person acts',
    withStream({ applyFault: { ...fault('schema.meta.permission', 1), needsPerson: true } }),
    'down',
    'apply-failing',
  ],
  [
    'stored events have not been applied for long',
    withStream({ applyFault: fault('schema.api.unavailable', 61) }),
    'down',
    'apply-failing',
  ],
  ['changes wait', withStored({ oldestWaitingAt: ago(61) }), 'down', 'changes-waiting'],
  [
    'changes wait and the last one was applied long ago',
    withStored({ oldestWaitingAt: ago(300), lastAppliedAt: ago(61) }),
    'down',
    'changes-waiting',
  ],
  [
    'a backlog is being applied',
    withStored({ oldestWaitingAt: ago(300), lastAppliedAt: ago(5) }),
    'degraded',
    'changes-waiting',
  ],
  [
    'the stream delivers what was committed hours ago',
    withStream({ currentAt: ago(10_000), watermarkAt: ago(9_000) }),
    'degraded',
    'catching-up',
  ],
  [
    'an incident is open',
    withStored({ incidents: [{ cause: 'gap', count: 2, since: ago(1) }] }),
    'degraded',
    'incidents',
  ],
  [
    'fields changed in Salesforce',
    withStored({
      incidents: [{ cause: 'schema changed', count: 1, since: ago(1), detail: 'added Tier__c' }],
    }),
    'degraded',
    'schema-changed',
  ],
  [
    'a new schema of events could not be compared with Salesforce for longer than the grace time',
    withStored({ uncheckedSchemaAt: ago(61) }),
    'degraded',
    'schema-unchecked',
  ],
  [
    'a comparison found differences',
    withStored({ incidents: [{ cause: 'difference', count: 1, since: ago(1) }] }),
    'degraded',
    'differences',
  ],
  [
    'a resync waits for a confirmation',
    withStored({ unconfirmedResyncs: [{ id: 'r', since: ago(1) }] }),
    'degraded',
    'resync-needs-confirmation',
  ],
  [
    'codes were refused',
    withStored({ failedCodes: [{ code: 'X', message: 'm', count: 3, since: null }] }),
    'degraded',
    'codes-failed',
  ],
  [
    'the API budget is used up',
    withStored({ writeBack: { state: 'waiting', code: 'api-allowance', message: 'm', since: ago(1) } }),
    'degraded',
    'api-budget',
  ],
  [
    'the code field is wrong',
    withStored({ writeBack: { state: 'paused', code: 'field-missing', message: 'm', since: ago(1) } }),
    'degraded',
    'write-back-paused',
  ],
  [
    'the latest comparison failed',
    withStored({ failedComparison: { id: 'r', error: 'e', since: ago(1), action: null } }),
    'degraded',
    'comparison-failed',
  ],
  [
    'a repair that no incident stands for failed',
    withStored({
      failedRepairs: [
        { id: 'r', reason: 'first position', error: 'e', since: ago(1), action: 'Grant the permission.' },
      ],
    }),
    'degraded',
    'repair-failed',
  ],
  [
    'accounts cannot be read again',
    withStored({ failingRereads: { count: 1, since: ago(61), error: 'e' } }),
    'degraded',
    'rereads-failing',
  ],
  [
    'maintenance fails',
    withStored({ failedMaintenance: [{ task: 't', error: 'e', since: ago(1) }] }),
    'degraded',
    'maintenance-failed',
  ],
  [
    'the topic is known not to carry changes of Account',
    { ...facts, faults: [{ area: 'topic', ...fault('topic-without-account', 30) }] },
    'degraded',
    'topic-without-account',
  ],
  ['the clock is 11 s behind', { ...facts, clockAheadMs: -11_000 }, 'degraded', 'clock-difference'],
  ['the clock is an hour ahead', { ...facts, clockAheadMs: 3_600_000 }, 'degraded', 'clock-difference'],
  ['the replica is behind', { ...facts, replicaServes: false }, 'degraded', 'replica-unavailable'],
];

describe('the verdict', () => {
  it('the verdict is healthy, without a reason, while nothing is wrong', () => {
    expect(judgeHealth(facts)).toEqual({
      health: 'healthy',
      problems: [],
      freshThrough: ago(2),
      lagMs: 2_000,
      isCurrent: true,
      hasBeenCurrent: true,
      verifiedThrough: ago(7_200),
    });
  });

  it('a mirror has been current once an empty bus was seen, in this connection or an earlier one', () => {
    const given = { isCurrent: false, currentAt: null };
    expect(judgeHealth(withStream(given)).hasBeenCurrent).toBe(false);
    expect(judgeHealth(withStream({ ...given, isCurrent: true })).hasBeenCurrent).toBe(true);
    expect(judgeHealth(withStream({ ...given, currentAt: ago(600) })).hasBeenCurrent).toBe(true);
  });

  it.each(broken)('the verdict names its cause and what to do when %s', (_name, given, health, code) => {
    const verdict = judgeHealth(given);
    expect([verdict.health, verdict.problems.map((problem) => problem.code)]).toEqual([health, [code]]);
    expect(verdict.problems.every(({ action, summary }) => action !== '' && summary !== '')).toBe(true);
  });

  it('the verdict is never healthy while any fact is broken, and has reasons if and only if it is not healthy', () => {
    const subset = fc.subarray([...broken]);
    const atMostOne = (chosen: typeof broken, isState: (given: HealthFacts) => boolean): typeof broken => {
      const [, ...others] = chosen.filter(([, given]) => isState(given));
      return chosen.filter((each) => !others.includes(each));
    };
    // The stream, and the event log, is in one state at a time.
    const oneState = (chosen: typeof broken): typeof broken =>
      atMostOne(
        atMostOne(
          chosen,
          ({ stored: has }) => has?.subscription?.state !== 'streaming' && has?.subscription != null,
        ),
        ({ stored: has }) => has?.oldestWaitingAt != null,
      );
    fc.assert(
      fc.property(subset.map(oneState), fc.integer({ min: 10_000, max: 60_000 }), (chosen, graceMs) => {
        const verdict = judgeHealth(
          chosen.reduce((merged, [, given]) => mergeFacts(merged, given), facts),
          graceMs,
        );
        expect(verdict.health === 'healthy').toBe(chosen.length === 0);
        expect(verdict.problems.length === 0).toBe(verdict.health === 'healthy');
        expect(verdict.problems.some(({ severity }) => severity === 'down')).toBe(verdict.health === 'down');
        if (chosen.some(([, , health]) => health === 'down')) expect(verdict.health).toBe('down');
        expect(verdict.freshThrough === null || verdict.freshThrough <= now).toBe(true);
      }),
    );
  });

  it('a reason begins at the first failure, however often the stream was tried since', () => {
    const [problem] = judgeHealth(
      withStream({ state: 'waiting', outage: fault('UNAVAILABLE', 480) }),
    ).problems;
    expect(problem).toMatchObject({
      since: ago(480),
      detail: 'what was said about UNAVAILABLE (UNAVAILABLE)',
      action: 'Do something about UNAVAILABLE.',
    });
  });

  it('the verdict tells why the initial load is not complete', () => {
    const cause = {
      code: 'FEATURENOTENABLED',
      message: 'Bulk API is not enabled',
      action: 'Enable the Bulk API.',
    };
    const failed = { ...load, error: cause.message, cause };
    const verdict = judgeHealth(
      withStored({ subscription: { ...subscription, loadedAt: null }, initialLoad: failed }),
    );
    expect(verdict.problems).toMatchObject([{ detail: cause.message, action: cause.action }]);
    expect(notReadyReasons(verdict, true)).toEqual([
      'The initial load is not complete. It failed. Enable the Bulk API.',
    ]);
  });

  it('what keeps the initial load from running comes before the load, and both make the service not ready', () => {
    const outage = fault('invalid_client', 3);
    const verdict = judgeHealth(withStream({ state: 'waiting', outage, loadedAt: null }));
    expect(verdict.problems.map(({ code, severity }) => [code, severity])).toEqual([
      ['stream-down', 'down'],
      ['initial-load', 'down'],
    ]);
    expect(notReadyReasons(verdict, true)).toEqual([
      'The stream of /data/AccountChangeEvent is down. Do something about invalid_client.',
      'The initial load is not complete. It has not started. It starts automatically when the other reasons are resolved.',
    ]);
  });

  it('an initial load with records that cannot be stored asks for a person', () => {
    const failed = { ...load, state: 'failed', error: '1 of the records that were read cannot be stored' };
    const verdict = judgeHealth(
      withStored({
        subscription: { ...subscription, loadedAt: null },
        initialLoad: failed,
        incidents: [{ cause: 'failed record', count: 1, since: ago(9) }],
      }),
    );
    expect(verdict.problems.map(({ code, action }) => [code, action])).toEqual([
      ['initial-load', expect.stringContaining('Correct these records in Salesforce')],
      ['incidents', expect.stringContaining('Correct these records in Salesforce')],
    ]);
  });

  it.each([
    ['before the initial load', withStream({ loadedAt: null }), null],
    ['in an outage', withStream({ state: 'waiting', outage: fault('UNAVAILABLE', 480) }), 480_000],
    ['while changes wait', withStored({ oldestWaitingAt: ago(90) }), 90_000],
  ])('the lag agrees with the verdict %s', (_name, given, lagMs) => {
    const verdict = judgeHealth(given);
    expect([verdict.lagMs, verdict.health]).toEqual([lagMs, 'down']);
  });

  it('the lag is short or unknown whenever the verdict is healthy', () => {
    const seconds = fc.option(fc.integer({ min: 0, max: 1_000 }), { nil: null });
    const at = (given: number | null): Date | null => (given === null ? null : ago(given));
    fc.assert(
      fc.property(seconds, seconds, seconds, (current, watermark, waiting) => {
        const given = withStored({
          subscription: { ...subscription, currentAt: at(current), watermarkAt: at(watermark) },
          oldestWaitingAt: at(waiting),
        });
        const { health, lagMs } = judgeHealth(given);
        if (health === 'healthy') expect(lagMs ?? 0).toBeLessThanOrEqual(30_000);
      }),
    );
  });

  it('a busy stream that is never silent is healthy while its events are recent', () => {
    const verdict = judgeHealth(withStream({ currentAt: ago(5_000), watermarkAt: ago(4) }));
    expect(verdict).toMatchObject({ health: 'healthy', freshThrough: ago(4) });
  });

  it('the verdict tells how far the mirror is behind, and the delay of a clock is left to its incident', () => {
    const behind = withStream({ currentAt: ago(10_000), watermarkAt: ago(9_000) });
    expect(judgeHealth(behind).problems).toMatchObject([
      {
        summary: 'The mirror is behind Salesforce: it holds all changes up to 2026-11-29T07:30:00.000Z.',
        since: ago(9_000),
        action: expect.stringMatching(/^Wait: /),
      },
    ]);
    const incidents = [{ cause: 'dated ahead', count: 1, since: ago(9_000) }];
    const withClock = { ...behind, stored: { ...stored, ...behind.stored, incidents } };
    expect(judgeHealth(withClock).problems.map(({ code }) => code)).toEqual(['incidents']);
  });

  it('the verdict names how far the clock is wrong, and says nothing of a difference within the tolerance', () => {
    const [problem] = judgeHealth({ ...facts, clockAheadMs: -11_400 }).problems;
    expect(problem?.summary).toMatch(/^The clock of this machine is about 11 s behind Salesforce's/);
    expect(problem?.action).toContain('NTP');
    for (const clockAheadMs of [null, 0, 9_000, -9_000])
      expect(judgeHealth({ ...facts, clockAheadMs }).health).toBe('healthy');
  });

  it('a read-only database is one reason, with the time that is known', () => {
    const given = withStored({ isReadOnly: true });
    const verdict = judgeHealth({
      ...given,
      faults: [{ area: 'stream', ...fault('database-read-only', 7) }],
    });
    expect(verdict.problems).toMatchObject([{ code: 'database-read-only', since: ago(7) }]);
  });
});

describe('the moment up to which the mirror is current', () => {
  it('the mirror is current through no known time before the initial load or without the database', () => {
    expect(judgeHealth(withStream({ loadedAt: null })).freshThrough).toBeNull();
    expect(judgeHealth({ ...facts, stored: null }).freshThrough).toBeNull();
  });

  it.each([
    ['the start of an outage', withStream({ outage: fault('UNAVAILABLE', 480), currentAt: now }), 480],
    ['the oldest event that waits', withStored({ oldestWaitingAt: ago(30) }), 30],
    [
      'the start of a fault that only this process knows',
      { ...facts, faults: [{ area: 'stream' as const, ...fault('database-full', 9) }] },
      9,
    ],
    [
      'the commit of the newest applied event while others may wait behind it',
      withStream({ currentAt: ago(500), watermarkAt: ago(400) }),
      400,
    ],
    [
      'the moment when nothing was left on the bus',
      withStream({ currentAt: ago(400), watermarkAt: ago(500) }),
      400,
    ],
    [
      'the read of all accounts if the stream has still to deliver what came before it',
      withStored({
        readThrough: ago(300),
        subscription: { ...subscription, currentAt: null, watermarkAt: ago(86_400) },
      }),
      300,
    ],
    [
      'the present if the clock of the database is behind',
      withStream({ currentAt: ago(90), watermarkAt: ago(-8) }),
      0,
    ],
  ])('the mirror is not current beyond %s', (_name, given, seconds) => {
    expect(judgeHealth(given).freshThrough).toEqual(ago(seconds));
  });
});

describe('readiness', () => {
  it('readiness depends on the whole verdict if the process follows the topic, else on what reads need', () => {
    for (const [name, given, health, code] of broken) {
      const verdict = judgeHealth(given);
      expect(notReadyReasons(verdict, true).length > 0, name).toBe(health === 'down');
      const prevented = ['database-unreachable', 'database-columns-missing', 'not-started', 'initial-load'];
      expect(notReadyReasons(verdict, false).length > 0, name).toBe(prevented.includes(code));
    }
  });

  it('readiness does not repeat the words of Salesforce or PostgreSQL to strangers', () => {
    for (const [name, given] of broken) {
      expect(notReadyReasons(judgeHealth(given), true).join(' '), name).not.toContain('what was said');
    }
  });
});

/** Breaks in `given` stay broken in the result: what differs from the healthy facts is taken over. */
function mergeFacts(merged: HealthFacts, given: HealthFacts): HealthFacts {
  const changed = <T extends object>(into: T, from: T, healthy: T): T => {
    const entries = Object.entries(from).filter(([key, value]) => value !== Reflect.get(healthy, key));
    return { ...into, ...Object.fromEntries(entries) };
  };
  const faults = [...merged.faults, ...given.faults];
  if (merged.stored === null || given.stored === null)
    return { ...changed(merged, given, facts), faults, stored: null };
  const both =
    merged.stored.subscription === null || given.stored.subscription === null
      ? null
      : changed(merged.stored.subscription, given.stored.subscription, subscription);
  return {
    ...changed(merged, given, facts),
    faults,
    stored: { ...changed(merged.stored, given.stored, stored), subscription: both },
  };
}
