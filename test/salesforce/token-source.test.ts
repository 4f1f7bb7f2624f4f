import { describe, expect, it } from 'vitest';
import { SalesforceError } from '../../src/salesforce/error.ts';
import type { Session } from '../../src/salesforce/sign-in-state.ts';
import { createTokenSource } from '../../src/salesforce/token-source.ts';

const expired = new SalesforceError('Session expired or invalid', 'INVALID_SESSION_ID', 'auth');
const inactive = new SalesforceError('user is inactive', 'invalid_grant', 'permission');

/** A token endpoint with responses that the test sets, and a clock that it sets. */
function tokenEndpoint() {
  const endpoint = {
    now: 0,
    asked: 0,
    failure: undefined as SalesforceError | undefined,
    instanceUrl: 'https://old.example',
    tokens: undefined as unknown as ReturnType<typeof createTokenSource>,
  };
  const used: Session[] = [];
  endpoint.tokens = createTokenSource({
    async signIn() {
      endpoint.asked++;
      const token = `token ${endpoint.asked}`;
      // Answers of a network are never there at once.
      await new Promise((resolve) => setImmediate(resolve));
      if (endpoint.failure !== undefined) throw endpoint.failure;
      return { accessToken: token, instanceUrl: endpoint.instanceUrl };
    },
    onSession: (session) => void used.push(session),
    now: () => endpoint.now,
    random: () => 1,
  });
  return { endpoint, tokens: endpoint.tokens, used };
}

describe('the source of tokens', () => {
  it('concurrent callers share one sign-in', async () => {
    const { endpoint, tokens } = tokenEndpoint();
    const sessions = await Promise.all(Array.from({ length: 50 }, () => tokens.current('rest')));
    expect(endpoint.asked).toBe(1);
    const renewed = await Promise.all(sessions.map((session) => tokens.renew(session, 'rest', expired)));
    expect(endpoint.asked).toBe(2);
    expect(new Set(renewed.map(({ accessToken }) => accessToken))).toEqual(new Set(['token 2']));
  });

  it('the sign-in recovers with the token endpoint, however many callers ask meanwhile', async () => {
    const { endpoint, tokens } = tokenEndpoint();
    const first = await tokens.current('rest');
    tokens.accepted(first, 'rest');
    endpoint.failure = inactive;
    endpoint.now = 3_600_000;
    for (const end = endpoint.now + 60_000; endpoint.now < end; endpoint.now += 50) {
      for (const asking of [tokens.renew(first, 'rest', expired), tokens.current('rest')]) {
        await expect(asking).rejects.toMatchObject({
          code: 'invalid_grant',
          message: 'user is inactive',
          duringSignIn: true,
        });
      }
    }
    expect(endpoint.asked).toBeLessThan(20);
    endpoint.failure = undefined;
    endpoint.now += 10_000;
    expect((await tokens.current('rest')).accessToken).toBe(`token ${endpoint.asked}`);
  });

  it('a sign-in is attempted at once when its pause is ended on request', async () => {
    const { endpoint, tokens } = tokenEndpoint();
    endpoint.failure = inactive;
    await expect(tokens.current('rest')).rejects.toBeInstanceOf(SalesforceError);
    await expect(tokens.current('rest')).rejects.toBeInstanceOf(SalesforceError);
    expect(endpoint.asked).toBe(1);
    endpoint.failure = undefined;
    tokens.endPauses();
    expect((await tokens.current('rest')).accessToken).toBe('token 2');
  });

  it('callers that share an attempt get the error of that attempt', async () => {
    const { endpoint, tokens } = tokenEndpoint();
    endpoint.failure = new SalesforceError('no answer', 'TIMEOUT', 'transient');
    const asking = Array.from({ length: 10 }, () => tokens.current('lookup'));
    for (const result of await Promise.allSettled(asking)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'TIMEOUT', failure: 'transient' } });
    }
    expect(endpoint.asked).toBe(1);
  });

  it('a failing host leads to a sign-in that finds the new address, and to few of them while it is only down', async () => {
    const { endpoint, tokens, used } = tokenEndpoint();
    const old = await tokens.current('rest');
    for (let failures = 0; failures < 100; failures++) {
      expect(await tokens.checkAddress(tokens.session ?? old)).toBe(false);
      endpoint.now += 100;
    }
    expect(endpoint.asked).toBeLessThan(8);
    endpoint.instanceUrl = 'https://new.example';
    endpoint.now += 10_000;
    expect(await tokens.checkAddress(old)).toBe(true);
    expect(tokens.session?.instanceUrl).toBe('https://new.example');
    expect(used.at(-1)).toBe(tokens.session);
    // Others that failed at the old address meanwhile need no sign-in of their own.
    const asked = endpoint.asked;
    expect(await tokens.checkAddress(old)).toBe(true);
    expect(endpoint.asked).toBe(asked);
  });

  it('a failed address check leaves the session in use', async () => {
    const { endpoint, tokens } = tokenEndpoint();
    const session = await tokens.current('rest');
    endpoint.failure = inactive;
    expect(await tokens.checkAddress(session)).toBe(false);
    expect(await tokens.current('rest')).toBe(session);
  });
});
