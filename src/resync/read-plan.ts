import type pg from 'pg';
import { readNewestSchemaId, readSchemasSince } from '../ingest/stored-schemas.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import type { ReadPlan } from '../salesforce/records.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';

export type SchemaContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly org: Org;
  readonly schemas: SchemaCache;
};

/** What to read, and the change event schema that the plan comes from. */
export type KnownPlan = { readonly plan: ReadPlan; readonly schemaId: string };

/**
 * Plans to read the fields of the newest change event schema that the user can see. The topic names the schema; for a
 * channel of several objects, the topic of accounts does. The schema stored last is the fallback, because it may come
 * from a backlog.
 */
export async function currentReadPlan(
  context: SchemaContext,
  callWithinBudget: CallWithinBudget,
): Promise<KnownPlan> {
  const { schemaId: topicSchemaId } = await context.org.pubsub.getTopic(context.topic);
  const schemaId =
    topicSchemaId !== ''
      ? topicSchemaId
      : ((await getAccountSchemaId(context.org)) ?? (await readNewestSchemaId(context.pool)));
  if (schemaId === undefined) throw new Error('no change event schema is known yet');
  return readPlanOf(context, schemaId, callWithinBudget);
}

/** Plans to read the fields of a schema. */
export async function readPlanOf(
  { org, schemas }: SchemaContext,
  schemaId: string,
  callWithinBudget: CallWithinBudget,
): Promise<KnownPlan> {
  const { entityFields } = await schemas.get(schemaId);
  return { plan: await callWithinBudget(() => org.readPlan(entityFields.slice(1))), schemaId };
}

/** Finds the fields of a schema that an older one does not have. */
export async function findAddedFields(
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
  context: Pick<SchemaContext, 'pool' | 'schemas'>,
  schemaId: string,
  since: Date,
): Promise<ReadonlySet<string>> {
  const schemaIds = await readSchemasSince(context.pool, since);
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
