import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { User } from '../org/model.ts';
import { bearerToken } from './bearer-token.ts';
import type { HttpContext } from './http-context.ts';

/** `userinfo` and the identity URL of a token answer: who the bearer of a token is. */
export const identityRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  const signedInUser = (request: FastifyRequest): User | undefined => {
    const { oauth_token: parameter } = Object(request.query);
    const token = bearerToken(request) ?? (typeof parameter === 'string' ? parameter : '');
    const session = context.sessions.authenticate(token);
    return context.org.users.find((user) => user.id === session?.userId);
  };
  const refuse = (reply: FastifyReply) => reply.code(403).type('text/html').send('Bad_OAuth_Token');

  app.route({
    method: ['GET', 'POST'],
    url: '/services/oauth2/userinfo',
    handler: async (request, reply) => {
      const user = signedInUser(request);
      return user ? userinfo(user, context) : refuse(reply);
    },
  });

  app.get<{ Params: { organizationId: string; userId: string } }>(
    '/id/:organizationId/:userId',
    async (request, reply) => {
      const user = signedInUser(request);
      if (!user) return refuse(reply);
      const { organizationId, userId } = request.params;
      if (organizationId !== context.org.organizationId || userId !== user.id) {
        return reply.code(404).type('text/html').send('Wrong_Org');
      }
      return identity(user, context);
    },
  );
};

const userinfo = (user: User, context: HttpContext) => {
  const [configuredName, familyName] = splitName(user.name);
  return {
    sub: identityUrl(user, context),
    user_id: user.id,
    organization_id: context.org.organizationId,
    preferred_username: user.username,
    nickname: user.username.split('@')[0],
    name: user.name,
    email: user.email,
    email_verified: true,
    given_name: configuredName,
    family_name: familyName,
    zoneinfo: 'Etc/UTC',
    photos: {
      picture: `${context.endpoints.instanceUrl}/profilephoto/005/F`,
      thumbnail: `${context.endpoints.instanceUrl}/profilephoto/005/T`,
    },
    profile: `${context.endpoints.instanceUrl}/${user.id}`,
    picture: `${context.endpoints.instanceUrl}/profilephoto/005/F`,
    is_salesforce_integration_user: false,
    urls: apiUrls(context),
    active: true,
    user_type: 'STANDARD',
    language: 'en_US',
    locale: 'en_US',
    utcOffset: 0,
    updated_at: '2026-01-01T00:00:00Z',
  };
};

const identity = (user: User, context: HttpContext) => {
  const [firstName, lastName] = splitName(user.name);
  return {
    id: identityUrl(user, context),
    asserted_user: true,
    user_id: user.id,
    organization_id: context.org.organizationId,
    username: user.username,
    nick_name: user.username.split('@')[0],
    display_name: user.name,
    email: user.email,
    email_verified: true,
    first_name: firstName,
    last_name: lastName,
    timezone: 'Etc/UTC',
    urls: apiUrls(context),
    active: true,
    user_type: 'STANDARD',
    language: 'en_US',
    locale: 'en_US',
    utcOffset: 0,
    last_modified_date: '2026-01-01T00:00:00Z',
    is_app_installed: true,
  };
};

const identityUrl = ({ id }: User, { endpoints, org }: HttpContext) =>
  `${endpoints.instanceUrl}/id/${org.organizationId}/${id}`;

/** `{version}` is for the client to fill in. */
const apiUrls = ({ endpoints: { instanceUrl }, org }: HttpContext) => {
  const rest = `${instanceUrl}/services/data/v{version}/`;
  return {
    enterprise: `${instanceUrl}/services/Soap/c/{version}/${org.organizationId.slice(0, 15)}`,
    metadata: `${instanceUrl}/services/Soap/m/{version}/${org.organizationId.slice(0, 15)}`,
    partner: `${instanceUrl}/services/Soap/u/{version}/${org.organizationId.slice(0, 15)}`,
    rest,
    sobjects: `${rest}sobjects/`,
    search: `${rest}search/`,
    query: `${rest}query/`,
    recent: `${rest}recent/`,
    tooling_rest: `${rest}tooling/`,
    custom_domain: instanceUrl,
  };
};

const splitName = (name: string): [string | null, string] => {
  const words = name.split(' ');
  const last = words.pop() ?? name;
  return [words.join(' ') || null, last];
};
