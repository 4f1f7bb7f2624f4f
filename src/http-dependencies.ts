import { readFileSync } from 'node:fs';
import type { AppOptions } from './app-options.ts';
import { codeRules } from './codes/code-rules.ts';
import type { Database } from './db/database.ts';
import type { Jobs } from './db/jobs.ts';
import type { WakeUps } from './db/wake-up.ts';
import type { Egress } from './egress/egress.ts';
import { readEvent } from './history/read-event.ts';
import type { HttpDependencies } from './http/server-types.ts';
import { mirroredFields } from './ingest/mirrored-fields.ts';
import { readNewestSchemaId } from './ingest/stored-schemas.ts';
import type { SchemaCache } from './salesforce/schema-cache.ts';
import { assignCode } from './write-back/assign-code.ts';

/** The dependencies of the API on the rest of the service. */
export function httpDependencies(
  {
    topic,
    codeField,
    codes,
    backfill,
    apiKeys,
    access = {},
    logger,
    indexedFields = [],
    stopping,
    webhooks,
    roles,
    settings: shown,
    simulatorUrl,
  }: AppOptions,
  egress: Egress,
  { prisma, pool }: Database,
  schemas: SchemaCache,
  jobs: Jobs,
  wakeUps: WakeUps,
): Omit<HttpDependencies, 'health' | 'activity' | 'requestLog'> {
  const settings = { ...codes, field: codeField, backfill };
  const { generate } = codeRules(settings);
  const fields = mirroredFields(pool, schemas);
  return {
    prisma,
    pool,
    apiKeys,
    access: { ...access, ...(access.oidc && { oidc: { ...access.oidc, egress } }) },
    topic,
    logger,
    signupCodeField: codeField,
    indexedFields,
    stopping,
    version,
    ...(simulatorUrl && { simulatorUrl }),
    ...(shown && { settings: shown }),
    decodeEvents: (rows) => Promise.all(rows.map((row) => readEvent(schemas, row))),
    fieldNames: async () => (await fields()).names,
    fieldParts: async () => (await fields()).parts,
    ...(webhooks && { webhooks }),
    newestSchemaId: () => readNewestSchemaId(pool),
    schemaFields: async (id) => (await schemas.get(id)).entityFields,
    enqueueResync: jobs.enqueueResync,
    wakeUps,
    codeRules: async () => {
      const subscription = await prisma.subscription.findUnique({ where: { topic } });
      return codeRules({ ...settings, newSince: subscription?.startedAt ?? null });
    },
    requestSignupCode: (client, request) => assignCode(client, generate, request),
    hasSyncRole: roles.has('sync'),
  };
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
