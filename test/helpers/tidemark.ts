import type { FastifyInstance } from 'fastify';
import type { Simulator } from 'salesforce-simulator';
import { buildApp } from '../../src/app.ts';
import type { AppOptions } from '../../src/app-options.ts';
import type { Timing } from '../../src/timing.ts';
import { eventually } from './eventually.ts';
import { saveSecrets, testLogger } from './secrets-in-logs.ts';

/** The whole service, in this process, listening on a port of its own. */
export type Tidemark = {
  readonly url: string;
  readonly app: FastifyInstance;
  /** GET with a key that may do everything; throws unless the answer is a success. */
  get<T>(path: string): Promise<T>;
  request(method: string, path: string, body?: unknown): Promise<Response>;
  stop(): Promise<void>;
};

export type ApiAccount = {
  readonly id: string;
  readonly name: string | null;
  readonly accountNumber: string | null;
  readonly signupCode: string | null;
  readonly pendingSignupCode: string | null;
  readonly codeState: string;
  readonly codeError: { readonly code: string; readonly message: string } | null;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly createdAt: string | null;
  readonly modifiedAt: string | null;
  readonly deletedAt: string | null;
  readonly stale: boolean;
};

export type ApiEvent = {
  readonly id: string;
  readonly eventId: string;
  /** Not in the history of an account. */
  readonly schemaId?: string;
  readonly state: string;
  readonly error: string | null;
  readonly changeType: string | null;
  readonly recordIds: readonly string[];
  readonly transactionKey: string | null;
  readonly changedFields: readonly string[];
  /** Only for a single event. */
  readonly decoded?: { readonly fields: Readonly<Record<string, unknown>> } | null;
  /** Only in the history of an account. */
  readonly changes?: readonly {
    readonly field: string;
    readonly before?: unknown;
    readonly after: unknown;
  }[];
};

export type Page<T> = { readonly data: readonly T[]; readonly nextCursor: string | null };

/** Size of the API's connection pool in tests. */
export const apiConnections = 2;

/** The key that the stories use. */
export const storyKey = 'tdm_test_key_of_the_stories';

/** Waits that no test has to sit through. */
export const testTiming: Partial<Timing> = {
  streamProvenMs: 1_000,
  jobPollIntervalMs: 500,
  apiBudgetPollIntervalMs: 250,
  codeFieldCheckIntervalMs: 200,
};

export type TidemarkOverrides = Partial<AppOptions> & {
  readonly waitUntilReady?: boolean;
  /** Of another build than the one that is here. */
  readonly buildApp?: typeof buildApp;
};

/** Starts Tidemark against a simulator and waits for its initial load by default. */
export async function startTidemark(
  databaseUrl: string,
  simulator: Simulator,
  { buildApp: build = buildApp, waitUntilReady = true, timing, ...overrides }: TidemarkOverrides = {},
): Promise<Tidemark> {
  const { clientId, clientSecret, privateKey } = simulator.credentials;
  saveSecrets(storyKey, clientSecret, privateKey, new URL(databaseUrl).password);
  saveSecrets(...(overrides.apiKeys ?? []).map(({ secret }) => secret));
  const app = await build({
    databaseUrl,
    org: {
      loginUrl: simulator.instanceUrl,
      credentials: { flow: 'client-credentials', clientId, clientSecret },
      apiVersion: '66.0',
      pubsubEndpoint: simulator.pubsubEndpoint,
      pubsubTls: false,
    },
    apiKeys: [{ name: 'story', scopes: ['read', 'write', 'admin'], secret: storyKey }],
    topic: '/data/AccountChangeEvent',
    replayPreset: 'latest',
    quietMs: 50,
    codeField: 'SignUpCode__c',
    backfill: false,
    roles: new Set(['api', 'sync']),
    // Each new connection costs PostgreSQL more than all that most tests do.
    poolSizes: { sync: 3, api: apiConnections },
    logger: testLogger(),
    timing: { ...testTiming, ...timing },
    ...overrides,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 }).catch(async (error: unknown) => {
    await app.close();
    throw error;
  });
  const request = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${storyKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  if (waitUntilReady) {
    await eventually('Tidemark is ready', async () => (await fetch(`${url}/health/ready`)).ok);
  }
  return {
    url,
    app,
    request,
    async get<T>(path: string): Promise<T> {
      const answer = await request('GET', path);
      if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as T;
    },
    stop: () => app.close(),
  };
}
