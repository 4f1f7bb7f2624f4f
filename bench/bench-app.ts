import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { buildApp } from '../src/app.ts';
import type { Sandbox } from '../src/sandbox/sandbox.ts';

/** The whole service inside the benchmark's process, with the usual settings; `ready` starts it. */
export function buildBenchApp(databaseUrl: string, sandbox: Sandbox): Promise<FastifyInstance> {
  const { clientId, clientSecret } = sandbox.credentials;
  return buildApp({
    databaseUrl,
    org: {
      loginUrl: sandbox.instanceUrl,
      credentials: { flow: 'client-credentials', clientId, clientSecret },
      apiVersion: '66.0',
      pubsubEndpoint: sandbox.pubsubEndpoint,
      pubsubTls: false,
    },
    apiKeys: [{ name: 'bench', scopes: ['read'], secret: 'only-for-the-benchmark' }],
    topic: '/data/AccountChangeEvent',
    replayPreset: 'latest',
    quietMs: 50,
    codeField: 'SignUpCode__c',
    backfill: false,
    roles: new Set(['api', 'sync'] as const),
    logger: pino({ level: 'silent' }),
  });
}
