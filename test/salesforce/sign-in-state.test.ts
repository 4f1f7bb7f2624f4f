import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SalesforceError } from '../../src/salesforce/error.ts';
import {
  type Api,
  attemptFailed,
  attemptSucceeded,
  beginAddressCheck,
  beginAttempt,
  decide,
  maxPauseMs,
  mayCheckAddress,
  type SignInState,
  signedOut,
  tokenAccepted,
  tokenRefused,
  withoutPauses,
} from '../../src/salesforce/sign-in-state.ts';
import { runs } from '../helpers/property.ts';

const expired = new SalesforceError('Session expired or invalid', 'INVALID_SESSION_ID', 'auth');
const refusal = new SalesforceError('user is inactive', 'invalid_grant', 'permission');
const outage = new SalesforceError('unavailable', 'ERROR_HTTP_503', 'transient');

/** The world around the machine: a clock, a token endpoint and two APIs, driven by random steps. */
type Step =
  | { readonly kind: 'ask'; readonly api: Api }
  | { readonly kind: 'end attempt'; readonly outcome: 'token' | 'refusal' | 'outage' }
  | { readonly kind: 'refuse'; readonly api: Api; readonly isOld: boolean }
  | { readonly kind: 'accept'; readonly api: Api }
  | { readonly kind: 'host fails' }
  | { readonly kind: 'end pauses' }
  | { readonly kind: 'time passes'; readonly ms: number };

const api = fc.constantFrom<Api>('rest', 'lookup', 'stream');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), api }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('end attempt' as const),
      outcome: fc.constantFrom<'token' | 'refusal' | 'outage'>('token', 'refusal', 'outage'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('refuse' as const), api, isOld: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('accept' as const), api }) },
  fc.constant<Step>({ kind: 'host fails' }),
  fc.constant<Step>({ kind: 'end pauses' }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time passes' as const), ms: fc.nat(20_000) }) },
);

type World = {
  state: SignInState;
  now: number;
  /** Times at which attempts began. */
  readonly attempts: number[];
  tokens: number;
};

const newWorld = (): World => ({ state: signedOut, now: 1_000_000, attempts: [], tokens: 0 });

function begin(world: World, begun: SignInState): void {
  world.attempts.push(world.now);
  world.state = begun;
}

function take(world: World, what: Step, random: number): void {
  const { state, now } = world;
  switch (what.kind) {
    case 'ask':
      if (decide(state, what.api, now).kind === 'attempt') begin(world, beginAttempt(state, now));
      return;
    case 'end attempt':
      if (!state.isAttempting) return;
      if (what.outcome === 'token') {
        const session = { accessToken: `token ${++world.tokens}`, instanceUrl: 'https://a.example' };
        world.state = attemptSucceeded(state, session, now);
      } else {
        world.state = attemptFailed(state, what.outcome === 'refusal' ? refusal : outage, now, random);
      }
      return;
    case 'refuse': {
      const accessToken = what.isOld ? 'an old token' : (state.session?.accessToken ?? '');
      world.state = tokenRefused(state, { accessToken, api: what.api, cause: expired }, now, random);
      return;
    }
    case 'accept':
      world.state = tokenAccepted(state, state.session?.accessToken ?? '', what.api);
      return;
    case 'host fails':
      if (mayCheckAddress(state, now)) begin(world, beginAddressCheck(state, now, random));
      return;
    case 'end pauses':
      world.state = withoutPauses(state);
      return;
    case 'time passes':
      world.now += what.ms;
  }
}

const random = fc.double({ min: 0, max: 1, noNaN: true });
const life = fc.array(fc.tuple(step, random), { maxLength: 60 });

function lived(steps: readonly (readonly [Step, number])[], check?: (world: World) => void): World {
  const world = newWorld();
  for (const [what, chance] of steps) {
    take(world, what, chance);
    check?.(world);
  }
  return world;
}

describe('the sign-in', () => {
  it('the sign-in is never locked out: ten seconds after any history a caller may try again', () => {
    fc.assert(
      fc.property(life, api, (steps, asking) => {
        const world = lived(steps);
        if (world.state.isAttempting) take(world, { kind: 'end attempt', outcome: 'outage' }, 1);
        const decision = decide(world.state, asking, world.now + maxPauseMs);
        expect(['use', 'attempt']).toContain(decision.kind);
      }),
      runs,
    );
  });

  it('a failed sign-in says when the next attempt is due, in ten seconds at most', () => {
    fc.assert(
      fc.property(life, (steps) => {
        lived(steps, ({ state, now }) => {
          for (const asking of ['rest', 'lookup', 'stream'] as const) {
            const decision = decide(state, asking, now);
            if (decision.kind !== 'fail') continue;
            const { retryAfterMs = -1, duringSignIn } = decision.error;
            expect(duringSignIn).toBe(true);
            expect(retryAfterMs).toBeGreaterThan(0);
            expect(retryAfterMs).toBeLessThanOrEqual(maxPauseMs);
            expect(decide(state, asking, now + retryAfterMs).kind).toBe('attempt');
          }
        });
      }),
      runs,
    );
  });

  it('one sign-in is attempted at a time and all other callers wait for it', () => {
    fc.assert(
      fc.property(life, (steps) => {
        lived(steps, ({ state, now }) => {
          if (!state.isAttempting) return;
          expect(mayCheckAddress(state, now)).toBe(false);
          for (const asking of ['rest', 'lookup', 'stream'] as const) {
            expect(['use', 'wait']).toContain(decide(state, asking, now).kind);
          }
        });
      }),
      runs,
    );
  });

  it('an outage of the token endpoint is never reported as a refusal', () => {
    fc.assert(
      fc.property(life, (steps) => {
        const world = lived(steps);
        const asking = { kind: 'ask', api: 'rest' } as const;
        world.now += maxPauseMs;
        take(world, asking, 1);
        if (!world.state.isAttempting) return;
        take(world, { kind: 'end attempt', outcome: 'outage' }, 1);
        const decision = decide(world.state, 'rest', world.now);
        if (decision.kind === 'fail') expect(decision.error).toMatchObject({ failure: 'transient' });
      }),
      runs,
    );
  });

  it('a session that no API has refused stays in use even if attempts fail', () => {
    fc.assert(
      fc.property(life, (steps) => {
        let held = signedOut.session;
        lived(steps, ({ state, now }) => {
          if (held !== undefined) expect(state.session).toBeDefined();
          held = state.session;
          if (state.session !== undefined && !state.refusedBy.includes('rest')) {
            expect(decide(state, 'rest', now)).toEqual({ kind: 'use', session: state.session });
          }
        });
      }),
      runs,
    );
  });

  it('sign-ins that do not help become rare, whatever the reason', () => {
    const reasons: readonly (readonly Step[])[] = [
      [{ kind: 'end attempt', outcome: 'refusal' }],
      [{ kind: 'end attempt', outcome: 'outage' }],
      [
        { kind: 'end attempt', outcome: 'token' },
        { kind: 'refuse', api: 'rest', isOld: false },
      ],
      [
        { kind: 'end attempt', outcome: 'token' },
        { kind: 'accept', api: 'rest' },
        { kind: 'refuse', api: 'rest', isOld: false },
      ],
      [{ kind: 'end attempt', outcome: 'token' }, { kind: 'host fails' }],
    ];
    for (const reason of reasons) {
      const world = newWorld();
      const end = world.now + 300_000;
      while (world.now < end) {
        take(world, { kind: 'ask', api: 'rest' }, 0);
        for (const what of reason) take(world, what, 0);
        world.now += 100;
      }
      // Half of the pause at least: one in 5 s, and a few at the beginning.
      expect(world.attempts.length).toBeLessThanOrEqual(300 / 5 + 15);
    }
  });
});

describe('a token that is refused', () => {
  const signedIn = attemptSucceeded(
    beginAttempt(signedOut, 0),
    { accessToken: 'first', instanceUrl: 'https://a.example' },
    0,
  );
  const refuse = (state: SignInState, now: number, by: Api = 'rest'): SignInState =>
    tokenRefused(state, { accessToken: state.session?.accessToken ?? '', api: by, cause: expired }, now, 1);

  it('a refused token that was accepted before is replaced at once', () => {
    const used = tokenAccepted(signedIn, 'first', 'rest');
    expect(decide(refuse(used, 3_600_000), 'rest', 3_600_000).kind).toBe('attempt');
  });

  it('a token that one API refuses stays in use for the others', () => {
    const refused = refuse(signedIn, 10, 'stream');
    expect(decide(refused, 'stream', 10).kind).toBe('attempt');
    expect(decide(refused, 'rest', 10).kind).toBe('use');
  });

  it('the refusal of an old token changes nothing', () => {
    const old = { accessToken: 'older', api: 'rest', cause: expired } as const;
    expect(tokenRefused(signedIn, old, 10, 1)).toBe(signedIn);
  });

  it('two fresh tokens refused in a row are reported with the cause and tried again after a pause', () => {
    const first = refuse(signedIn, 10);
    expect(decide(first, 'rest', 10).kind).toBe('attempt');
    const again = attemptSucceeded(
      beginAttempt(first, 10),
      { accessToken: 'second', instanceUrl: 'https://a.example' },
      20,
    );
    const second = refuse(again, 30);
    const decision = decide(second, 'rest', 30);
    expect(decision).toMatchObject({
      kind: 'fail',
      error: {
        code: 'FRESH_TOKENS_REFUSED',
        failure: 'permission',
        message: expect.stringContaining('Session expired or invalid'),
        action: expect.stringContaining('scope'),
      },
    });
    expect(decide(second, 'rest', 30 + maxPauseMs).kind).toBe('attempt');
    expect(decide(withoutPauses(second), 'rest', 30).kind).toBe('attempt');
  });
});
