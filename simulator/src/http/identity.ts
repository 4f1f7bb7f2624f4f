import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { User } from '../org/model.ts';
import type { HttpContext } from './http-context.ts';
import { bearerToken } from './sessions.ts';

/** `userinfo` and the identity URL of a token response: the user of an access token. */
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
  const [givenName, familyName] = splitName(user.name);
  const { instanceUrl } = context.endpoints;
  const picture = `${instanceUrl}/profilephoto/005/F`;
  return {
    ...common(user, context),
    sub: identityUrl(user, context),
    preferred_username: user.username,
    nickname: user.username.split('@')[0],
    name: user.name,
    given_name: givenName,
    family_name: familyName,
    zoneinfo: 'Etc/UTC',
    photos: { picture, thumbnail: `${instanceUrl}/profilephoto/005/T` },
    profile: `${instanceUrl}/${user.id}`,
    picture,
    is_salesforce_integration_user: false,
    updated_at: '2026-01-01T00:00:00Z',
  };
};

const identity = (user: User, context: HttpContext) => {
  const [firstName, lastName] = splitName(user.name);
  return {
    ...common(user, context),
    id: identityUrl(user, context),
    asserted_user: true,
    username: user.username,
    nick_name: user.username.split('@')[0],
    display_name: user.name,
    first_name: firstName,
    last_name: lastName,
    timezone: 'Etc/UTC',
    last_modified_date: '2026-01-01T00:00:00Z',
    is_app_installed: true,
  };
};

const common = (user: User, context: HttpContext) => ({
  user_id: user.id,
  organization_id: context.org.organizationId,
  email: user.email,
  email_verified: true,
  urls: apiUrls(context),
  active: true,
  user_type: 'STANDARD',
  language: 'en_US',
  locale: 'en_US',
  utcOffset: 0,
});

const identityUrl = ({ id }: User, { endpoints, org }: HttpContext) =>
  `${endpoints.instanceUrl}/id/${org.organizationId}/${id}`;

/** The client replaces `{version}`. */
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
