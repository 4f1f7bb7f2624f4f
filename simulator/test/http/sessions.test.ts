import { describe, expect, it } from 'vitest';
import { createSessions } from '../../src/http/sessions.ts';

const open = () => {
  const clock = { time: 0 };
  const organizationId = '00DTM0000000001EAA';
  return { clock, sessions: createSessions({ organizationId, lifetimeMs: 1000, now: () => clock.time }) };
};
const userId = '005TM0000000001AAA';

describe('sessions', () => {
  it('tokens look like Salesforce tokens', () => {
    const { sessions } = open();
    expect(sessions.issue({ userId })).toMatch(/^00DTM0000000001!AQ[\w.]{94}$/);
    expect(sessions.issue({ userId })).not.toBe(sessions.issue({ userId }));
  });

  it('each use extends a session', () => {
    const { clock, sessions } = open();
    const token = sessions.issue({ userId });
    clock.time = 999;
    expect(sessions.authenticate(token)).toEqual({ userId });
    clock.time = 1998;
    expect(sessions.authenticate(token)).toEqual({ userId });
    clock.time = 2998;
    expect(sessions.authenticate(token)).toBeUndefined();
  });

  it('a session may never expire but can be revoked', () => {
    const { clock, sessions } = open();
    const token = sessions.issue({ userId, neverExpires: true });
    clock.time = 1_000_000;
    expect(sessions.authenticate(token)).toEqual({ userId });
    expect(sessions.revoke(token)).toBe(true);
    expect(sessions.authenticate(token)).toBeUndefined();
    expect(sessions.revoke(token)).toBe(false);
  });

  it('all sessions are revoked at once and refresh tokens are kept', () => {
    const { sessions } = open();
    sessions.addRefreshToken('refresh', userId);
    const tokens = [sessions.issue({ userId }), sessions.issue({ userId, neverExpires: true })];
    expect(sessions.revokeAll()).toBe(2);
    expect(tokens.map((token) => sessions.authenticate(token))).toEqual([undefined, undefined]);
    expect(sessions.userOfRefreshToken('refresh')).toBe(userId);
    sessions.revoke('refresh');
    expect(sessions.userOfRefreshToken('refresh')).toBeUndefined();
  });
});
