import type { HttpContext } from './http-context.ts';
import { userWithPassword } from './oauth-grants.ts';
import { childText, escapeXml, type SoapElement, SoapError } from './soap-envelope.ts';

/** The `login` call: a session for a name and password. Gone from API version 65 on, as in Salesforce. */
export const soapLogin = (call: SoapElement, version: string, context: HttpContext): string => {
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
  const userInfo = Object.entries({
    organizationId: org.organizationId,
    organizationName: 'Salesforce Simulator',
    userEmail: user.email,
    userFullName: user.name,
    userId: user.id,
    userLanguage: 'en_US',
    userLocale: 'en_US',
    userName: user.username,
    userTimeZone: 'Etc/UTC',
    userType: 'Standard',
  });
  const result = Object.entries({
    passwordExpired: 'false',
    sandbox: 'true',
    serverUrl,
    sessionId: sessions.issue({ userId: user.id }),
    userId: user.id,
  });
  return `<loginResponse><result>${elements(result)}<userInfo>${elements(userInfo)}</userInfo></result></loginResponse>`;
};

const elements = (values: readonly (readonly [string, string])[]): string =>
  values.map(([name, value]) => `<${name}>${escapeXml(value)}</${name}>`).join('');
