import type pg from 'pg';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import type { Ask, ReadPlan } from '../salesforce/records.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import { newestSchemaId } from './stored-schemas.ts';

export type SchemaContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly org: Org;
  readonly schemas: SchemaCache;
};

/** What to read, and the change event schema that says so. */
export type KnownPlan = { readonly plan: ReadPlan; readonly schemaId: string };

/**
 * The fields to read are those of the newest change event schema, as far as Salesforce shows them to us. The topic
 * names it, or where it is a channel of several objects, the topic of accounts alone. The schema met last may be an
 * older one of a backlog: it counts where neither names one.
 */
export async function currentReadPlan(context: SchemaContext, ask: Ask): Promise<KnownPlan> {
  const { schemaId: ofTopic } = await context.org.pubsub.getTopic(context.topic);
  const schemaId =
    ofTopic !== '' ? ofTopic : ((await accountSchemaId(context.org)) ?? (await newestSchemaId(context.pool)));
  if (schemaId === undefined) throw new Error('no change event schema is known yet');
  return readPlanOf(context, schemaId, ask);
}

/** The plan of a reading that began under a schema. */
export async function readPlanOf(
  { org, schemas }: SchemaContext,
  schemaId: string,
  ask: Ask,
): Promise<KnownPlan> {
  const { entityFields } = await schemas.get(schemaId);
  return { plan: await ask(() => org.readPlan(entityFields.slice(1))), schemaId };
}

const none: ReadonlySet<string> = new Set();

/** Fields that account events carry by now and that a reading, begun under an older schema, does not know. */
export async function fieldsAddedSince(
  { pool, schemas }: Pick<SchemaContext, 'pool' | 'schemas'>,
  schemaId: string,
): Promise<ReadonlySet<string>> {
  const newest = await newestSchemaId(pool);
  if (newest === undefined || newest === schemaId) return none;
  const names = async (id: string): Promise<string[]> =>
    (await schemas.get(id)).entityFields.slice(1).map(({ name }) => name);
  const known = new Set(await names(schemaId));
  return new Set((await names(newest)).filter((name) => !known.has(name)));
}

/** Undefined where the topic of accounts alone isn't open to us: a channel can carry accounts without it. */
async function accountSchemaId({ pubsub }: Org): Promise<string | undefined> {
  try {
    return (await pubsub.getTopic('/data/AccountChangeEvent')).schemaId;
  } catch (error) {
    if (error instanceof SalesforceError && ['config', 'permission'].includes(error.failure))
      return undefined;
    throw error;
  }
}
