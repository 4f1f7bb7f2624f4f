import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { describeProgress, describeWaiting, duration, paceSince } from '../../src/cli/describe-progress.ts';
import type { Resync } from '../../src/cli/follow-resync.ts';
import { createOutput } from '../../src/cli/output.ts';
import { createProgress } from '../../src/cli/show-progress.ts';
import { describeStatus } from '../../src/cli/status.ts';
import { standardStreams } from '../helpers/command.ts';

const resync: Resync = {
  id: '00000000-0000-4000-8000-000000000001',
  scope: 'all',
  mode: 'repair',
  repairs: false,
  reason: 'manual',
  accountIds: [],
  fields: [],
  invalidIds: [],
  unknownIds: [],
  since: null,
  state: 'reading',
  method: null,
  expected: 1_000,
  percent: 25,
  waiting: null,
  read: 250,
  created: 0,
  updated: 0,
  unchanged: 0,
  kept: 0,
  deleted: 0,
  notVisible: 0,
  confirmedBy: null,
  confirmedAt: null,
  failed: 0,
  error: null,
  certificate: null,
  verification: null,
  requestedBy: null,
  createdAt: '2026-11-24T10:00:00.000Z',
  startedAt: null,
  finishedAt: null,
};

describe('the progress line', () => {
  test.each([
    [resync, 50, 'reading: 250 of 1000, 25%, 50/s, about 15 s left'],
    [resync, null, 'reading: 250 of 1000, 25%'],
    [{ ...resync, expected: null, percent: null }, 50, 'reading: 250 read, 50/s'],
    [
      { ...resync, waiting: { reason: 'api budget' } },
      null,
      'reading: 250 of 1000, 25%; waiting: api budget',
    ],
    [{ ...resync, read: 1_000, percent: 99 }, 50, 'reading: 1000 of 1000, 99%, 50/s'],
  ])('the progress line shows the known numbers', (given, pace, line) => {
    expect(describeProgress(given, pace)).toBe(line);
  });

  test('the rate is known after two samples', () => {
    expect(paceSince(undefined, { at: 1_000, read: 10 })).toBeNull();
    expect(paceSince({ at: 1_000, read: 10 }, { at: 1_000, read: 20 })).toBeNull();
    expect(paceSince({ at: 1_000, read: 10 }, { at: 3_000, read: 30 })).toBe(10);
  });

  test.each([
    [0.2, '1 s'],
    [89, '89 s'],
    [300, '5 min'],
    [7_200, '2 h'],
    [400_000, '5 d'],
  ])('the duration of %d seconds is written as %s', (seconds, words) =>
    expect(duration(seconds)).toBe(words),
  );

  test('the progress line shows why a resync waits for every recorded reason', () => {
    expect(describeWaiting(null)).toBe('');
    expect(describeWaiting({})).toBe('waiting: no reason given');
    expect(describeWaiting({ reason: 'api budget', until: '12:00' })).toBe('waiting: api budget until 12:00');
  });
});

describe('the progress bar on a terminal', () => {
  test('a terminal shows a progress bar and gets its cursor back at the end', async () => {
    const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 });
    const progress = createProgress(terminal as unknown as NodeJS.WriteStream);
    progress.show(resync);
    progress.show({ ...resync, state: 'done', read: 1_000, percent: 100 });
    progress.end();
    const shown = await text(terminal.end());
    expect(shown).toContain('██████░░░░░░░░░░░░░░░░░░ reading: 250 of 1000, 25%');
    expect(shown).toContain('████████████████████████ done: 1000 of 1000, 100%');
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'));
  });
});

const plainOutput = createOutput(standardStreams(new PassThrough()), {});

test('the status begins with the verdict, its cause, since when and what to do', () => {
  const now = Date.parse('2026-11-24T12:00:00.000Z');
  const lines = describeStatus(
    plainOutput,
    {
      health: 'down',
      reasons: [
        {
          code: 'stream-stopped',
          message: 'The stream is stopped. user is inactive (invalid_grant)',
          since: '2026-11-24T11:48:00.000Z',
          action: 'Activate the user.',
        },
        {
          code: 'codes-failed',
          message: '5 codes failed.',
          since: '2026-11-24T11:56:00.000Z',
          action: 'Correct the cause.',
        },
      ],
      freshThrough: '2026-11-24T11:47:00.000Z',
      lagMilliseconds: 780_000,
      verifiedThrough: null,
      freshness: { minutes: 0, under1s: 0, under5s: 0, under60s: 0 },
      salesforceUrl: null,
      subscription: {
        topic: '/data/AccountChangeEvent',
        organizationId: null,
        state: 'streaming',
        stateSince: '2026-11-24T11:55:00.000Z',
        lastError: null,
        lastEventAt: null,
        lastKeepaliveAt: null,
        position: null,
        loadedAt: null,
        holder: null,
        epoch: '0',
      },
      calculatedFields: { names: ['Score__c'], refreshedAt: '2026-11-24T09:00:00.000Z' },
      unreadableFields: [{ name: 'Tier__c', since: '2026-11-22T12:00:00.000Z' }],
      unmirroredFields: [],
      replica: null,
      backlog: 3,
      counts: {
        accounts: {
          active: 200,
          deleted: 1,
          stale: 0,
          byCodeState: { none: 1, pending: 2, written: 3, confirmed: 4, failed: 5 },
        },
        incidents: { open: 0, repairing: 1 },
        events: { stored: 3, applied: 9, skipped: 0, failed: 1, repaired: 0, dismissed: 0 },
        estimated: [],
      },
      writeBack: {
        state: 'paused',
        since: '2026-11-24T11:59:00.000Z',
        reason: { code: 'FIELD_TOO_SHORT', message: 'SignUpCode__c holds 5 characters, a code has 10.' },
        counts: { pending: 2, written: 3, confirmed: 4, failed: 5 },
        failures: [
          {
            code: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
            count: 5,
            message: 'AccountTrigger:\n\ncaused by: No.',
          },
        ],
        lastErrors: [],
        api: { used: null, max: null, reservePercent: null, seenAt: null },
        backfill: null,
      },
      lastVerification: {
        resyncId: resync.id,
        mode: 'verify',
        compared: 200,
        different: 3,
        repaired: true,
        verifiedThrough: null,
        at: '2026-11-24T10:00:00.000Z',
      },
      resyncs: [resync],
      lastErrors: [{ id: '7', eventId: 'e', receivedAt: '2026-11-24T10:00:00.000Z', error: 'Broken.' }],
    },
    now,
  );
  expect(
    lines,
  ).toBe(`Down for 12 min (stream-stopped): The stream is stopped. user is inactive (invalid_grant). Activate the user.

Also               for 4 min (codes-failed): 5 codes failed. Correct the cause.
Stream             streaming for 5 min
Lag                13 min, 3 events waiting
Accounts           200 active, 1 deleted, 0 stale
Codes              4 confirmed, 3 written, 2 pending, 5 failed
                   paused for 60 s: SignUpCode__c holds 5 characters, a code has 10.
                   5 failed with CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: AccountTrigger: caused by: No.
Incidents          0 open, 1 being repaired
Last verification  3 of 200 differed and were repaired (verify 2 h ago)
Calculated fields  Score__c (read 3 h ago)
Unreadable field   Tier__c for 2 d; its values are kept
Resync             repair of all, reading, 25% (${resync.id})
Errors             1 event failed
                   event 7: Broken.`);
});
