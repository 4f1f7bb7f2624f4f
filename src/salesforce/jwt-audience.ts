/**
 * The audience that Salesforce expects in a JWT: the host of the login page, also if the token endpoint is My Domain.
 * Other domains are their own audience. Source: "OAuth 2.0 JWT Bearer Flow for Server-to-Server Integration", Salesforce Help.
 */
export function defaultJwtAudience(loginUrl: string): string {
  const { origin, hostname } = new URL(loginUrl);
  if (!hostname.endsWith('.salesforce.com') || /^(login|test)\./.test(hostname)) return origin;
  const isSandbox = /(\.(sandbox|scratch)\.my|--[^.]+\.my|^cs\d+(\.my)?)\.salesforce\.com$/.test(hostname);
  return `https://${isSandbox ? 'test' : 'login'}.salesforce.com`;
}
