import { setTimeout as pause } from 'node:timers/promises';
import request, { type Response } from 'supertest';
import { expect } from 'vitest';
import { createActivity } from '../../src/activity.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { type Database, openDatabase } from '../../src/db/database.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import type { ReadEvent } from '../../src/history/read-event.ts';
import type { ApiKey } from '../../src/http/api-key.ts';
import { createServer } from '../../src/http/server.ts';
import type { HttpDependencies, Server, StoredEvent } from '../../src/http/server-types.ts';
import { assignCode } from '../../src/write-back/assign-code.ts';
import { saveSecrets, testLogger } from '../helpers/secrets-in-logs.ts';
import { type Described, describedProblems } from './conformity.ts';

/**
 * The real server on a real port. Every answer is held against the OpenAPI document.
 * Without a database nothing listens where it looks for one.
 */
export async function startServer(options: Options = {}): Promise<TestServer> {
  const database = openDatabase({ url: options.databaseUrl ?? 'postgres://nobody:none@127.0.0.1:1/none' });
  saveSecrets(...Object.values(keys));
  const enqueued: string[] = [];
  if (options.failure !== undefined) {
    Reflect.set(database.pool, 'connect', () => Promise.reject(options.failure));
  }
  let made = 0;
  const app = await createServer({
    ...database,
    apiKeys,
    topic: '/data/AccountChangeEvent',
    signupCodeField: 'SignUpCode__c',
    indexedFields: ['Industry', 'BillingAddress.City'],
    logger: testLogger(),
    decodeEvents: async (rows) => rows.map(decodeJson),
    fieldNames: async () => ['Name', 'AccountNumber', 'Industry', 'Phone', 'BillingAddress', 'SignUpCode__c'],
    fieldParts: async () =>
      new Map<string, readonly string[]>([
        ...['Name', 'AccountNumber', 'Industry', 'Phone', 'SignUpCode__c'].map((name) => [name, []] as const),
        ['BillingAddress', ['Street', 'City']],
      ]),
    enqueueResync: async (_client, { id }) => {
      enqueued.push(id);
    },
    // No wake-up arrives here: waits end after their interval.
    wakeUps: { next: (_wake, ms) => pause(Math.min(ms, 20)) },
    codeRules: async () =>
      codeRules({ field: 'SignUpCode__c', newSince: new Date('2026-01-02T00:00:00.000Z') }),
    requestSignupCode: (client, request) => assignCode(client, () => `MADE${++made}`, request),
    health: async () => healthy,
    activity: createActivity(),
    hasSyncRole: true,
    version: '0.0.0',
    ...options.overrides,
  });
  const url =
    options.listen === false ? '' : await app.listen({ host: '127.0.0.1', port: options.port ?? 0 });
  const described = options.listen === false ? '{}' : JSON.stringify(app.swagger());
  const description: Described = JSON.parse(described);
  return {
    app,
    database,
    url,
    description,
    enqueued,
    routes: () => routesOf(app.printRoutes({ commonPrefix: false })),
    send: async (method, path, { key = keys.read, headers = {}, body } = {}) => {
      const sending = request(url)[method](path).redirects(0).set(headers);
      if (key !== '') sending.set('authorization', `Bearer ${key}`);
      const response = await sending.send(body);
      expectConforming(description, method, path, response);
      return response;
    },
    async close() {
      await app.close();
      await database.close();
    },
  };
}

/** The path of `Location`, as a client resolves it. */
export function locationOf({ headers, request: { url } }: Response): string {
  return new URL(headers['location'] ?? '', url).pathname;
}

/** The path and query of the next page in `Link`, as a client resolves it. */
export function nextPage({ headers, request: { url } }: Response): string | undefined {
  const link = /^<(.*)>; rel="next"$/.exec(headers['link'] ?? '')?.[1];
  if (link === undefined) return undefined;
  const next = new URL(link, url);
  return `${next.pathname}${next.search}`;
}

/** Secrets of the keys that the test server knows, by the scope they have. */
export const keys = {
  read: 'test-only-read-key',
  write: 'test-only-write-key',
  admin: 'test-only-admin-key',
  none: 'test-only-key-without-scope',
};

/** An event payload that the test server can decode; anything else it can't. */
export function payloadOf(header: object, fields: object): Buffer {
  return Buffer.from(JSON.stringify({ header: { ...emptyHeader, ...header }, fields }));
}

const apiKeys: readonly ApiKey[] = [
  { name: 'reader', scopes: ['read'], secret: keys.read },
  { name: 'writer', scopes: ['write'], secret: keys.write },
  { name: 'operator', scopes: ['admin'], secret: keys.admin },
  { name: 'nobody', scopes: [], secret: keys.none },
];

/** The verdict on a mirror of which nothing is wrong. */
export const healthy: Verdict = {
  health: 'healthy',
  problems: [],
  freshThrough: null,
  lagMs: null,
  isCurrent: false,
  hasBeenCurrent: false,
  verifiedThrough: null,
};

const emptyHeader = {
  entityName: 'Account',
  recordIds: [],
  changeType: 'UPDATE',
  changeOrigin: '',
  transactionKey: '',
  sequenceNumber: 1,
  commitTimestamp: '2026-11-23T10:00:00.000Z',
  commitNumber: '1',
  commitUser: '005al000001AAAAAA2',
  nulledFields: [],
  diffFields: [],
  changedFields: [],
};

function decodeJson(row: StoredEvent): ReadEvent {
  try {
    return { ok: true, ...JSON.parse(Buffer.from(row.payload).toString('utf8')) };
  } catch {
    return { ok: false, error: `Schema ${row.schemaId} does not fit the payload.` };
  }
}

// Fastify prints a tree, four characters for each level.
function routesOf(tree: string): string[] {
  const parts: string[] = [];
  const routes: string[] = [];
  for (const line of tree.split('\n')) {
    const [, indent, part, methods] = /^([│├└─ ]*)(\S*)(?: \((.*)\))?$/.exec(line) ?? [];
    if (indent === undefined || part === undefined) continue;
    const depth = indent.length / 4;
    parts.splice(depth - 1, parts.length, part);
    if (methods !== undefined) routes.push(parts.join(''));
  }
  return routes;
}

function expectConforming(description: Described, method: Method, path: string, response: Response): void {
  const answer = {
    method,
    path: path.split('?', 1)[0] ?? '',
    status: response.status,
    type: response.type,
    body: response.type === 'text/plain' ? response.text : response.body,
  };
  expect(describedProblems(description, answer), `${method} ${path} as described`).toEqual([]);
}

type Options = {
  /** False for a server that stays closed, and can take further routes. */
  readonly listen?: boolean;
  /** A free one by default. */
  readonly port?: number;
  readonly databaseUrl?: string;
  /** What every connection to the database fails with. */
  readonly failure?: Error;
  readonly overrides?: Partial<HttpDependencies>;
};

type Method = 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options';

export type TestServer = {
  readonly app: Server;
  readonly database: Database;
  readonly url: string;
  readonly description: Described;
  /** The patterns of all routes, such as `/v1/accounts/:id`. */
  routes(): string[];
  /** The resyncs that a job was enqueued for. */
  readonly enqueued: readonly string[];
  send(method: Method, path: string, options?: SendOptions): Promise<Response>;
  close(): Promise<void>;
};

type SendOptions = {
  /** A secret; empty for none. The reader's by default. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | object;
};
