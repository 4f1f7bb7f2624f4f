import type pg from 'pg';
import type { Queryable } from '../db/database.ts';
import { readNewestSchemaId, readSchemasSince, readUncheckedSchemas } from '../ingest/stored-schemas.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import type { DescribedField } from '../salesforce/records.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';

export type SchemaContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly org: Org;
  readonly schemas: SchemaCache;
};

/** The fields of Account, as Salesforce describes them now. */
export type CurrentFields = {
  /** The newest change event schema, and its fields without the header. */
  readonly schemaId: string;
  readonly fields: readonly SchemaField[];
  readonly described: readonly DescribedField[];
  /** Schemas that had arrived before, and after whose arrival the fields were not compared with Salesforce. */
  readonly uncheckedIds: readonly string[];
};

/**
 * Reads the newest change event schema and describe. The topic names the schema; for a channel of several objects, the
 * topic of accounts does. The schema stored last is the fallback, because it may come from a backlog.
 */
export async function readCurrentFields(
  context: SchemaContext,
  callWithinBudget: CallWithinBudget,
): Promise<CurrentFields> {
  const uncheckedIds = await readUncheckedSchemas(context.pool);
  const { schemaId: topicSchemaId } = await context.org.pubsub.getTopic(context.topic);
  const schemaId =
    topicSchemaId !== ''
      ? topicSchemaId
      : ((await getAccountSchemaId(context.org)) ?? (await readNewestSchemaId(context.pool)));
  if (schemaId === undefined) throw new Error('no change event schema is known yet');
  const { fields, described } = await readFieldsOf(context, schemaId, callWithinBudget);
  return { schemaId, fields, described, uncheckedIds };
}

/** Reads the fields of a schema, and describe. */
export async function readFieldsOf(
  { org, schemas }: SchemaContext,
  schemaId: string,
  callWithinBudget: CallWithinBudget,
): Promise<Pick<CurrentFields, 'fields' | 'described'>> {
  const { entityFields } = await schemas.get(schemaId);
  return { fields: entityFields.slice(1), described: await callWithinBudget(() => org.describe()) };
}

/** Reads the names of all fields that events have ever carried, deleted ones included. */
export async function readEventFields({
  pool,
  schemas,
}: Pick<SchemaContext, 'pool' | 'schemas'>): Promise<ReadonlySet<string>> {
  const ids = await readSchemasSince(pool, new Date(0));
  const all = await Promise.all(ids.map((id) => schemas.get(id)));
  return new Set(all.flatMap(({ entityFields }) => entityFields.slice(1).map(({ name }) => name)));
}

/** Finds the fields of a schema that an older one does not have. */
async function findAddedFields(
  { schemas }: Pick<SchemaContext, 'schemas'>,
  schemaId: string,
  knownId: string,
): Promise<ReadonlySet<string>> {
  if (schemaId === knownId) return new Set();
  const names = async (id: string): Promise<string[]> =>
    (await schemas.get(id)).entityFields.slice(1).map(({ name }) => name);
  const known = new Set(await names(knownId));
  return new Set((await names(schemaId)).filter((name) => !known.has(name)));
}

/**
 * Finds the fields of account events that a snapshot does not read, because their schema was stored after its start. A
 * schema of a backlog may be among them: then the next snapshot reads the field.
 */
export async function findUnreadFields(
  context: Pick<SchemaContext, 'schemas'>,
  client: Queryable,
  schemaId: string,
  since: Date,
): Promise<ReadonlySet<string>> {
  const schemaIds = await readSchemasSince(client, since);
  const added = await Promise.all(schemaIds.map((id) => findAddedFields(context, id, schemaId)));
  return new Set(added.flatMap((fields) => [...fields]));
}

/** Undefined if the user cannot subscribe to the topic of accounts. */
async function getAccountSchemaId({ pubsub }: Org): Promise<string | undefined> {
  try {
    return (await pubsub.getTopic('/data/AccountChangeEvent')).schemaId;
  } catch (error) {
    const isRefused = error instanceof SalesforceError && ['config', 'permission'].includes(error.failure);
    if (isRefused && !error.duringSignIn) return undefined;
    throw error;
  }
}
