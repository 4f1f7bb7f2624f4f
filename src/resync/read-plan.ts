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

/** What to read, and the change event schema that says so. */
export type KnownPlan = { readonly plan: ReadPlan; readonly schemaId: string };

/**
 * The fields to read are those of the newest change event schema, as far as Salesforce shows them to us. The topic
 * names it, or where it is a channel of several objects, the topic of accounts alone. The schema met last may be an
 * older one of a backlog: it counts where neither names one.
 */
export async function currentReadPlan(
  context: SchemaContext,
  callWithinBudget: CallWithinBudget,
): Promise<KnownPlan> {
  const { schemaId: ofTopic } = await context.org.pubsub.getTopic(context.topic);
  const schemaId =
    ofTopic !== ''
      ? ofTopic
      : ((await accountSchemaId(context.org)) ?? (await readNewestSchemaId(context.pool)));
  if (schemaId === undefined) throw new Error('no change event schema is known yet');
  return readPlanOf(context, schemaId, callWithinBudget);
}

/** The plan of a reading that began under a schema. */
export async function readPlanOf(
  { org, schemas }: SchemaContext,
  schemaId: string,
  callWithinBudget: CallWithinBudget,
): Promise<KnownPlan> {
  const { entityFields } = await schemas.get(schemaId);
  return { plan: await callWithinBudget(() => org.readPlan(entityFields.slice(1))), schemaId };
}

/** Fields that the first of two schemas has and the second has not. */
export async function findAddedFields(
  { schemas }: Pick<SchemaContext, 'schemas'>,
  schemaId: string,
  knownId: string,
): Promise<ReadonlySet<string>> {
  if (schemaId === knownId) return none;
  const names = async (id: string): Promise<string[]> =>
    (await schemas.get(id)).entityFields.slice(1).map(({ name }) => name);
  const known = new Set(await names(knownId));
  return new Set((await names(schemaId)).filter((name) => !known.has(name)));
}

const none: ReadonlySet<string> = new Set();

/**
 * Fields of account events that came to be known after a reading began, and that it does not read. An old schema of a
 * backlog can be among them: then the field is read the next time.
 */
export async function findUnreadFields(
  context: Pick<SchemaContext, 'pool' | 'schemas'>,
  schemaId: string,
  since: Date,
): Promise<ReadonlySet<string>> {
  const met = await readSchemasSince(context.pool, since);
  const beyond = await Promise.all(met.map((id) => findAddedFields(context, id, schemaId)));
  return new Set(beyond.flatMap((fields) => [...fields]));
}

/** Undefined where the topic of accounts alone isn't open to us: a channel can carry accounts without it. */
async function accountSchemaId({ pubsub }: Org): Promise<string | undefined> {
  try {
    return (await pubsub.getTopic('/data/AccountChangeEvent')).schemaId;
  } catch (error) {
    if (error instanceof SalesforceError && isClosedTopic(error)) return undefined;
    throw error;
  }
}

function isClosedTopic({ failure, duringSignIn }: SalesforceError): boolean {
  return !duringSignIn && ['config', 'permission'].includes(failure);
}
