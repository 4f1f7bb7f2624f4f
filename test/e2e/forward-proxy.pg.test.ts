import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startSimulator } from 'salesforce-simulator';
import { mintSelfSignedCertificate } from 'salesforce-simulator/pubsub/self-signed-certificate.ts';
import { expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import { hasTinyproxy, openConnectProxy, startTinyproxy } from '../helpers/forward-proxy.ts';
import { startService } from '../helpers/service-process.ts';
import { inOrg } from '../helpers/simulator-org.ts';

// Names that only the proxy can resolve.
const [login, pubsub] = ['acme.my.salesforce.invalid', 'api.pubsub.salesforce.invalid'];
const key = '0123456789abcdef0123456789abcdef';

it('all connections to Salesforce go through the forward proxy of HTTPS_PROXY', async (context) => {
  if (!hasTinyproxy()) return context.skip('tinyproxy is not installed');
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(fastFolder(), 'tidemark-forward-proxy-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const identity = mintSelfSignedCertificate([login, pubsub]);
  const authority = path.join(folder, 'authority.pem');
  writeFileSync(authority, identity.cert);
  const simulator = await startSimulator({
    accounts: 5,
    publicUrl: `https://${login}`,
    tls: identity,
  });
  stack.defer(() => simulator.close());
  const upstream = stack.use(
    await openConnectProxy({
      [`${login}:443`]: Number(new URL(simulator.instanceUrl).port),
      [`${pubsub}:7443`]: Number(simulator.pubsubEndpoint.split(':')[1]),
    }),
  );
  const proxy = await startTinyproxy(upstream, 'tidemark', 'proxy-secret');
  stack.defer(() => proxy.stop());
  const database = await createTestDatabase();
  stack.defer(() => database.drop());

  const service = startService({
    DATABASE_URL: database.url,
    SALESFORCE_LOGIN_URL: `https://${login}`,
    SALESFORCE_CLIENT_ID: simulator.credentials.clientId,
    SALESFORCE_CLIENT_SECRET: simulator.credentials.clientSecret,
    PUBSUB_ENDPOINT: `${pubsub}:7443`,
    API_KEYS: `ops:read:${key}`,
    PORT: '0',
    // Also the results of a bulk job.
    RESYNC_BULK_FROM: '1',
    HTTPS_PROXY: proxy.url,
    NO_PROXY: '127.0.0.1,.elsewhere.invalid',
    NODE_EXTRA_CA_CERTS: authority,
  });
  stack.defer(async () => {
    service.child.kill('SIGINT');
    await service.ended();
  });
  const api = await eventually(
    'the service listens',
    () => /"msg":"Server listening at (http:\/\/127\.0\.0\.1:\d+)"/.exec(service.output())?.[1],
  );
  await eventually('the service is ready', async () => (await fetch(`${api}/health/ready`)).ok);
  const id = inOrg(simulator).create({
    Name: 'Behind',
  });
  await eventually('the code is confirmed', async () => {
    const response = await fetch(`${api}/v1/accounts/${id}`, { headers: { authorization: `Bearer ${key}` } });
    return ((await response.json()) as { codeState?: string }).codeState === 'confirmed';
  });
  expect(new Set(upstream.targets)).toEqual(new Set([`${login}:443`, `${pubsub}:7443`]));
  expect(service.output()).not.toContain('proxy-secret');
});
