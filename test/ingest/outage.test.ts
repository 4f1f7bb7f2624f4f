import { describe, expect, it } from 'vitest';
import { compareIncidents } from '../../src/incidents/log-incidents.ts';
import {
  type OutageNews,
  type OutageState,
  outageAfterFailure,
  outageAfterSuccess,
  working,
} from '../../src/ingest/outage.ts';
import { type FailureClass, SalesforceError } from '../../src/salesforce/error.ts';

const failing = (code: string, failure: FailureClass): SalesforceError =>
  new SalesforceError(`refused with ${code}`, code, failure);
const unavailable = failing('UNAVAILABLE', 'transient');
const expired = failing('service.auth.error', 'auth');
const inactive = failing('inactive_user', 'config');

type Step = { readonly error: SalesforceError; readonly wasWorking?: boolean };

/** Failures one second apart, the first at 1,000. */
function run(steps: readonly Step[]): { readonly state: OutageState; readonly news: OutageNews[] } {
  const news: OutageNews[] = [];
  let state = working;
  for (const [index, { error, wasWorking = false }] of steps.entries()) {
    const next = outageAfterFailure(state, { error, at: (index + 1) * 1_000, wasWorking });
    state = next.state;
    news.push(next.news);
  }
  return { state, news };
}

describe('an outage of the stream', () => {
  it.each<[string, Step[], OutageNews[], number | null]>([
    [
      'begins at the first failure and is news once',
      [{ error: unavailable }, { error: unavailable }],
      ['began', null],
      1_000,
    ],
    [
      'is news again when its cause changes',
      [{ error: unavailable }, { error: inactive }],
      ['began', 'changed'],
      1_000,
    ],
    [
      'is none if Salesforce ends a stream that has lived',
      [{ error: unavailable, wasWorking: true }],
      [null],
      null,
    ],
    [
      'is none if the token has expired meanwhile',
      [{ error: unavailable, wasWorking: true }, { error: expired }],
      [null, null],
      null,
    ],
    [
      'begins at the end of the last stream if the next one fails',
      [{ error: unavailable, wasWorking: true }, { error: unavailable }],
      [null, 'began'],
      1_000,
    ],
    ['begins at once if a person is needed', [{ error: inactive, wasWorking: true }], ['began'], 1_000],
    [
      'begins at once if the database refused',
      [{ error: failing('database-full', 'transient'), wasWorking: true }],
      ['began'],
      1_000,
    ],
    [
      'begins at once if the stream had fallen silent',
      [{ error: failing('stream.silent', 'transient'), wasWorking: true }],
      ['began'],
      1_000,
    ],
  ])('an outage %s', (_name, steps, news, since) => {
    const result = run(steps);
    expect(result.news).toEqual(news);
    expect(result.state.outage?.since ?? null).toBe(since);
    expect(outageAfterSuccess(result.state)).toBe(since === null ? null : 'ended');
  });

  it('an outage says whether a person is needed and names the setting', () => {
    const error = new SalesforceError('m', 'invalid_client', 'config', { setting: 'SALESFORCE_CLIENT_ID' });
    const { state } = run([{ error }]);
    expect(state.outage?.cause).toMatchObject({
      needsPerson: true,
      action: expect.stringContaining('SALESFORCE_CLIENT_ID'),
    });
    expect(run([{ error: unavailable }]).state.outage?.cause.needsPerson).toBe(false);
  });
});

describe('incidents in the log', () => {
  const line = (id: string, state: string) => ({
    id,
    state,
    cause: 'gap',
    detail: 'd',
    extent: 'accounts',
    accounts: 1,
    events: [],
    seconds: 1,
  });

  it('incidents that were open at the first check are not reported', () => {
    const { opened, closed, known } = compareIncidents(undefined, [line('9', 'closed'), line('7', 'open')]);
    expect([opened, closed]).toEqual([[], []]);
    expect(known).toEqual({ newest: '9', open: new Set(['7']) });
  });

  it('an incident is reported when it opens and when it closes, also if both happen between two checks', () => {
    const known = { newest: '9', open: new Set(['7']) };
    const rows = [line('7', 'closed'), line('10', 'repairing'), line('11', 'closed')];
    const next = compareIncidents(known, rows);
    expect(next.opened.map(({ id }) => id)).toEqual(['10', '11']);
    expect(next.closed.map(({ id }) => id)).toEqual(['7', '11']);
    expect(next.known).toEqual({ newest: '11', open: new Set(['10']) });
    expect(compareIncidents(next.known, [line('10', 'repairing')])).toMatchObject({ opened: [], closed: [] });
  });
});
