import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../org/model.ts';
import { ApiError, resourceNotFound } from './api-error.ts';
import type { HttpContext } from './http-context.ts';
import { bearerToken } from './sessions.ts';

/** Hook of every REST request: authenticates the caller, counts the request, refuses unknown API versions. */
export const admitCaller =
  ({ allowance, sessions }: HttpContext) =>
  async (request: FastifyRequest, reply: FastifyReply) => {
    const session = sessions.authenticate(bearerToken(request) ?? '');
    if (!session) throw new ApiError(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    const isAllowed = allowance.take();
    reply.header('Sforce-Limit-Info', `api-usage=${allowance.used}/${allowance.max}`);
    if (!isAllowed) throw new ApiError(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
    const apiVersion = knownVersion(request.url);
    if (apiVersion === undefined) throw resourceNotFound();
    const client = clientOption(request.headers['sforce-call-options']);
    callers.set(request, { userId: session.userId, api: 'rest', apiVersion, client });
  };

/** The caller of a request that passed `admitCaller`. */
export const callerOf = (request: FastifyRequest): Caller => {
  const caller = callers.get(request);
  if (!caller) throw new Error('the request was not admitted');
  return caller;
};

/** `/services/data/v66.0`: the prefix of URLs in responses. */
export const versionUrl = (request: FastifyRequest): string =>
  `/services/data/v${callerOf(request).apiVersion}`;

export const oldestVersion = 31;
export const newestVersion = 68;

const knownVersion = (url: string): string | undefined => {
  const version = /^\/services\/data\/v(\d{2,3})\.0(?:[/?]|$)/.exec(url)?.[1];
  const known = Number(version) >= oldestVersion && Number(version) <= newestVersion;
  return known ? `${version}.0` : undefined;
};

/** `client=ExampleClient, defaultNamespace=x` → `ExampleClient` */
const clientOption = (header: string | string[] | undefined): string | null => {
  const options = [header ?? []].flat().flatMap((text) => text.split(','));
  const client = options.map((option) => option.trim()).find((option) => option.startsWith('client='));
  return client?.slice('client='.length) || null;
};

const callers = new WeakMap<FastifyRequest, Caller>();
