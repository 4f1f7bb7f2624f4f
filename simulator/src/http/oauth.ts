import { createHmac } from 'node:crypto';
import formbody from '@fastify/formbody';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { HttpContext } from './http-context.ts';
import { grantUser, OAuthError, type TokenForm } from './oauth-grants.ts';

/** The token and revocation endpoints. */
export const oauthRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  await app.register(formbody);

  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof OAuthError)) request.log.warn(error);
    const refusal =
      error instanceof OAuthError ? error : new OAuthError('invalid_request', 'the request is invalid');
    return reply.code(400).send({ error: refusal.error, error_description: refusal.message });
  });

  app.post('/services/oauth2/token', async (request, reply) => {
    const form = tokenForm(request);
    const userId = await grantUser(form, context);
    const response = tokenResponse(userId, context);
    reply.header('cache-control', 'no-store');
    return form.get('grant_type') === 'client_credentials'
      ? { ...response, api_instance_url: context.endpoints.instanceUrl }
      : response;
  });

  app.route({
    method: ['GET', 'POST'],
    url: '/services/oauth2/revoke',
    handler: async (request, reply) => {
      const token = tokenForm(request).get('token') ?? '';
      if (context.sessions.revoke(token)) return reply.code(200).send();
      const body = 'error=invalid_token&error_description=invalid+token';
      return reply.code(400).type('application/x-www-form-urlencoded').send(body);
    },
  });
};

const tokenResponse = (userId: string, { credentials, endpoints, now, org, sessions }: HttpContext) => {
  const { instanceUrl } = endpoints;
  const id = `${instanceUrl}/id/${org.organizationId}/${userId}`;
  const issuedAt = String(now());
  return {
    access_token: sessions.issue({ userId }),
    signature: createHmac('sha256', credentials.clientSecret).update(`${id}${issuedAt}`).digest('base64'),
    scope: 'id api',
    instance_url: instanceUrl,
    id,
    token_type: 'Bearer',
    issued_at: issuedAt,
  };
};

/** Query and form parameters. HTTP Basic sets `client_id` and `client_secret`. */
const tokenForm = (request: FastifyRequest): TokenForm => {
  const form = new Map<string, string>();
  for (const source of [request.query, request.body]) {
    if (typeof source !== 'object' || source === null) continue;
    for (const [name, value] of Object.entries(source)) {
      if (typeof value !== 'string') throw new OAuthError('invalid_request', `repeated parameter: ${name}`);
      form.set(name, value);
    }
  }
  const basic = /^Basic\s+(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic) {
    const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString('utf8').split(/:(.*)/s);
    form.set('client_id', decodeBasic(id));
    form.set('client_secret', decodeBasic(secret));
  }
  return form;
};

const decodeBasic = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
};
