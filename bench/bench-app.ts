import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import type { Simulator } from 'salesforce-simulator';
import { buildApp } from '../src/app.ts';

/** The whole service inside the benchmark's process, with the usual settings; `ready` starts it. */
export function buildBenchApp(databaseUrl: string, simulator: Simulator): Promise<FastifyInstance> {
  const { clientId, clientSecret } = simulator.credentials;
  return buildApp({
    databaseUrl,
    org: {
      loginUrl: simulator.instanceUrl,
      credentials: { flow: 'client-credentials', clientId, clientSecret },
      apiVersion: '66.0',
      pubsubEndpoint: simulator.pubsubEndpoint,
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
