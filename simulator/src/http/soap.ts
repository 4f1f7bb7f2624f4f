import type { FastifyInstance } from 'fastify';
import type { Caller, SaveResult } from '../org/model.ts';
import { mintId } from '../org/record-id.ts';
import type { HttpContext } from './http-context.ts';
import { userWithPassword } from './oauth-grants.ts';
import {
  childText,
  escapeXml,
  readSoapMessage,
  type SoapElement,
  SoapError,
  type SoapMessage,
  soapFault,
  soapResponse,
} from './soap-envelope.ts';

/** The calls `login`, `logout` and `undelete` of the partner SOAP API. */
export const soapRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    /^(?:text|application)\/(?:soap\+)?xml/,
    { parseAs: 'string' },
    (_request, body, done) => done(null, body),
  );
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof SoapError)) request.log.warn(error);
    const fault = error instanceof SoapError ? error : new SoapError('UNKNOWN_EXCEPTION', 'unexpected error');
    return reply.code(500).type('text/xml;charset=UTF-8').send(soapFault(fault));
  });

  app.all('/services/Soap/*', async () => {
    throw new SoapError('INVALID_OPERATION', 'the simulator supports only the partner API, /services/Soap/u');
  });

  for (const url of ['/services/Soap/u/:version', '/services/Soap/u/:version/:organizationId']) {
    app.post<{ Params: { version: string } }>(url, async (request, reply) => {
      if (typeof request.body !== 'string') throw new SoapError('UNKNOWN_EXCEPTION', 'no SOAP message');
      const message = readSoapMessage(request.body);
      const response = executeCall(message, request.params.version, context);
      return reply.type('text/xml;charset=UTF-8').send(soapResponse(response));
    });
  }
};

const executeCall = (message: SoapMessage, version: string, context: HttpContext): string => {
  const { call } = message;
  switch (call.name) {
    case 'login':
      return soapLogin(call, version, context);
    case 'logout':
      authenticate(message, version, context);
      context.sessions.revoke(sessionId(message));
      return '<logoutResponse/>';
    case 'undelete': {
      const caller = authenticate(message, version, context);
      const ids = call.children.filter(({ name }) => name.toLowerCase() === 'ids').map(({ text }) => text);
      if (ids.length > 200) throw new SoapError('EXCEEDED_ID_LIMIT', 'record limit reached: 200');
      const results = context.org.transaction(caller, (tx) => ids.map((id) => tx.undelete(id)));
      return `<undeleteResponse>${results.map(undeleteResult).join('')}</undeleteResponse>`;
    }
    default:
      throw new SoapError('INVALID_OPERATION', `the simulator does not support the SOAP call ${call.name}`);
  }
};

const authenticate = (message: SoapMessage, version: string, { sessions }: HttpContext): Caller => {
  const session = sessions.authenticate(sessionId(message));
  if (!session) {
    const reason = 'Invalid Session ID found in SessionHeader: Illegal Session';
    throw new SoapError('INVALID_SESSION_ID', reason);
  }
  const client = childText(headerNamed(message, 'CallOptions'), 'client') ?? null;
  return { userId: session.userId, api: 'soap', apiVersion: version, client };
};

const sessionId = (message: SoapMessage): string =>
  childText(headerNamed(message, 'SessionHeader'), 'sessionId')?.trim() ?? '';

const headerNamed = ({ headers }: SoapMessage, name: string) =>
  headers.find((header) => header.name === name);

const undeleteResult = (result: SaveResult): string => {
  const id = result.id ? `<id>${result.id}</id>` : '<id xsi:nil="true"/>';
  const errors = result.success
    ? ''
    : result.errors
        .map(
          ({ message, statusCode }) =>
            `<errors><message>${escapeXml(message)}</message><statusCode>${statusCode}</statusCode></errors>`,
        )
        .join('');
  return `<result>${errors}${id}<success>${result.success}</success></result>`;
};

/** The `login` call: a session for a name and password. Not available from API version 65, as in Salesforce. */
const soapLogin = (call: SoapElement, version: string, context: HttpContext): string => {
  if (Number.parseInt(version, 10) >= 65) {
    throw new SoapError('UNSUPPORTED_API_VERSION', `login is not available in API version ${version}`);
  }
  const userId = userWithPassword(childText(call, 'username'), childText(call, 'password'), context);
  const user = context.org.users.find(({ id }) => id === userId);
  if (!user) {
    const reason = 'Invalid username, password, security token; or user locked out.';
    throw new SoapError('INVALID_LOGIN', reason);
  }
  const { endpoints, org, sessions } = context;
  const serverUrl = `${endpoints.instanceUrl}/services/Soap/u/${version}/${org.organizationId.slice(0, 15)}`;
  const hasPersonAccounts = org.field('IsPersonAccount') !== undefined;
  // Clients read the elements by position, so they are complete and in the order of the WSDL.
  const userInfo = Object.entries({
    accessibilityMode: 'false',
    chatterExternal: 'false',
    currencySymbol: '$',
    orgAttachmentFileSizeLimit: '5242880',
    orgDefaultCurrencyIsoCode: 'USD',
    orgDefaultCurrencyLocale: 'en_US',
    orgDisallowHtmlAttachments: 'false',
    orgHasPersonAccounts: String(hasPersonAccounts),
    organizationId: org.organizationId,
    organizationMultiCurrency: 'false',
    organizationName: 'Salesforce Simulator',
    profileId: PROFILE_ID,
    roleId: null,
    sessionSecondsValid: String(Math.floor(sessions.lifetimeMs / 1000)),
    userDefaultCurrencyIsoCode: null,
    userEmail: user.email,
    userFullName: user.name,
    userId: user.id,
    userLanguage: 'en_US',
    userLocale: 'en_US',
    userName: user.username,
    userTimeZone: 'Etc/UTC',
    userType: 'Standard',
    userUiSkin: 'Theme3',
  });
  const result = Object.entries({
    metadataServerUrl: serverUrl.replace('/Soap/u/', '/Soap/m/'),
    passwordExpired: 'false',
    sandbox: 'true',
    serverUrl,
    sessionId: sessions.issue({ userId: user.id }),
    userId: user.id,
  });
  return `<loginResponse><result>${elements(result)}<userInfo>${elements(userInfo)}</userInfo></result></loginResponse>`;
};

const elements = (values: readonly (readonly [string, string | null])[]): string =>
  values
    .map(([name, value]) =>
      value === null ? `<${name} xsi:nil="true"/>` : `<${name}>${escapeXml(value)}</${name}>`,
    )
    .join('');

const PROFILE_ID = mintId('00e', 1);
