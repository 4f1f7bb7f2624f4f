import type { HttpContext } from './http-context.ts';

/** The response of `GET /` and `GET /simulator`. */
export function describeSimulator(context: HttpContext, adminToken: string) {
  const { allowance, credentials, endpoints, org, sessions } = context;
  const { publicKey: _publicKey, ...shownCredentials } = credentials;
  return {
    name: 'Salesforce simulator',
    about: 'A Salesforce org in one process, for development and tests. Nothing in it is real.',
    instanceUrl: endpoints.instanceUrl,
    pubsubEndpoint: endpoints.pubsubEndpoint,
    pubsubTls: endpoints.certificate !== undefined,
    ...(endpoints.certificate !== undefined && { certificate: endpoints.certificate }),
    organizationId: org.organizationId,
    users: org.users,
    credentials: shownCredentials,
    counts: { accounts: org.size, sessions: sessions.size, apiRequests: allowance.used },
    try: exampleRequests(endpoints.instanceUrl, adminToken),
    links: {
      versions: '/services/data',
      simulator: '/simulator',
      events: '/simulator/events',
      faults: '/simulator/faults',
      allowance: '/simulator/allowance',
      bulkJobs: '/simulator/bulk/jobs',
      audit: '/simulator/audit',
      webhooks: '/simulator/webhooks',
    },
  };
}

/** Complete curl commands: create an account, query the newest ones. */
export const exampleRequests = (instanceUrl: string, accessToken: string) => {
  // The certificate is created at startup, so curl does not know it.
  const curl = instanceUrl.startsWith('https:') ? 'curl -sk' : 'curl -s';
  const authorization = `-H 'Authorization: Bearer ${accessToken}'`;
  const base = `${instanceUrl}/services/data/v66.0`;
  const newest = encodeURIComponent(
    'SELECT Id, Name, CreatedDate FROM Account ORDER BY CreatedDate DESC LIMIT 5',
  );
  return {
    create: `${curl} ${base}/sobjects/Account ${authorization} -H 'Content-Type: application/json' -d '{"Name":"Hello from curl"}'`,
    query: `${curl} '${base}/query?q=${newest}' ${authorization}`,
  };
};
