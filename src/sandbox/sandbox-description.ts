import { exampleRequests } from './http/example-requests.ts';
import type { HttpContext } from './http/http-context.ts';

/** What a running sandbox is and how to use it, for `GET /` and `GET /sandbox`. */
export function describeSandbox(context: HttpContext, adminToken: string) {
  const { allowance, credentials, endpoints, org, sessions } = context;
  const { publicKey: _publicKey, ...shownCredentials } = credentials;
  return {
    name: 'Tidemark sandbox org',
    about: 'A Salesforce org in one process, for development and tests. Nothing in it is real.',
    instanceUrl: endpoints.instanceUrl,
    pubsubEndpoint: endpoints.pubsubEndpoint,
    pubsubTls: endpoints.certificate !== undefined,
    organizationId: org.organizationId,
    users: org.users,
    credentials: shownCredentials,
    counts: { accounts: org.size, sessions: sessions.size, apiRequests: allowance.used },
    try: exampleRequests(endpoints.instanceUrl, adminToken),
    links: {
      versions: '/services/data',
      sandbox: '/sandbox',
      events: '/sandbox/events',
      faults: '/sandbox/faults',
      allowance: '/sandbox/allowance',
      bulkJobs: '/sandbox/bulk/jobs',
      audit: '/sandbox/audit',
      webhooks: '/sandbox/webhooks',
    },
  };
}
