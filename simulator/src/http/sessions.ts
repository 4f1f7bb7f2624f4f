import { randomBytes } from 'node:crypto';
import type { FastifyRequest } from 'fastify';

/** The access and refresh tokens of one org, in memory: a restart ends all sessions. */
export const createSessions = ({ organizationId, lifetimeMs, now }: SessionsOptions) => {
  const sessions = new Map<string, Session>();
  const refreshTokens = new Map<string, string>();
  const isLive = ({ lastUsed, expires }: Session) => !expires || now() - lastUsed < lifetimeMs;

  const dropExpired = () => {
    for (const [token, session] of sessions) if (!isLive(session)) sessions.delete(token);
  };

  return {
    lifetimeMs,
    /** A new access token, `00D…!AQ…`. Each use restarts its idle timeout. */
    issue: ({ userId, neverExpires = false }: SessionRequest): string => {
      dropExpired();
      const token = `${organizationId.slice(0, 15)}!AQ${randomText(94)}`;
      sessions.set(token, { userId, lastUsed: now(), expires: !neverExpires });
      return token;
    },
    /** The user of a valid token. Counts as a use. */
    authenticate: (token: string): { readonly userId: string } | undefined => {
      const session = sessions.get(token);
      if (!session) return undefined;
      if (!isLive(session)) {
        sessions.delete(token);
        return undefined;
      }
      session.lastUsed = now();
      return { userId: session.userId };
    },
    addRefreshToken: (token: string, userId: string) => refreshTokens.set(token, userId),
    userOfRefreshToken: (token: string) => refreshTokens.get(token),
    /** Revokes an access or refresh token; false if it is unknown. */
    revoke: (token: string): boolean => sessions.delete(token) || refreshTokens.delete(token),
    /** Ends every session, including those that never expire, and returns their number; refresh tokens stay valid. */
    revokeAll: (): number => {
      const count = sessions.size;
      sessions.clear();
      return count;
    },
    get size() {
      dropExpired();
      return sessions.size;
    },
  };
};

const randomText = (length: number): string =>
  Array.from(randomBytes(length), (byte) => tokenAlphabet[byte % tokenAlphabet.length]).join('');

const tokenAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._';

/** The token of `Authorization: Bearer …` (or `OAuth …`, which Salesforce also accepts). */
export const bearerToken = (request: Pick<FastifyRequest, 'headers'>): string | undefined =>
  /^(?:Bearer|OAuth)\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];

export type Sessions = ReturnType<typeof createSessions>;

type SessionRequest = { readonly userId: string; readonly neverExpires?: boolean };

type SessionsOptions = {
  readonly organizationId: string;
  /** Idle timeout of a session. */
  readonly lifetimeMs: number;
  readonly now: () => number;
};

type Session = { readonly userId: string; lastUsed: number; readonly expires: boolean };
