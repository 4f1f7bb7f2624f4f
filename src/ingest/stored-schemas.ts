import type { Database, Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import type { SchemaStore } from '../salesforce/schema-cache.ts';

const isOfAccount = `schema::jsonb ->> 'name' = 'AccountChangeEvent'`;

/** Writer schemas in the database, so that stored events can be decoded without Salesforce. */
export function storedSchemas({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): SchemaStore {
  return {
    load: async (id) => (await prisma.eventSchema.findUnique({ where: { id } }))?.schema,
    async save(id, schema) {
      const { count } = await prisma.eventSchema.createMany({ data: { id, schema }, skipDuplicates: true });
      if (count === 1) await sendWakeUp(pool, 'schema');
    },
  };
}

/** Reads the id of the newest schema of account events. A channel of several objects has other schemas too. */
export async function readNewestSchemaId(client: Queryable): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'newest-schema',
    text: `select id from event_schemas where ${isOfAccount} order by arrived_at desc, id limit 1`,
  });
  return rows[0]?.id;
}

/**
 * Saves that events have changed to a schema. If it is not the newest one, the fields are compared with Salesforce
 * again: a field that is removed or gets its former type back returns to a schema that is already known.
 */
export async function reportSchemaOfEvents(client: Queryable, schemaId: string): Promise<void> {
  const { rowCount } = await client.query({
    name: 'report-schema',
    text: `update event_schemas set arrived_at = now(), checked_at = null
            where id = $1 and id <> (select id from event_schemas where ${isOfAccount} order by arrived_at desc, id limit 1)`,
    values: [schemaId],
  });
  if (rowCount === 1) await sendWakeUp(client, 'schema');
}

/** Saves that Salesforce names this schema as the current one. */
export async function markSchemaNewest(client: Queryable, schemaId: string): Promise<void> {
  if ((await readNewestSchemaId(client)) === schemaId) return;
  await client.query({
    name: 'mark-schema-newest',
    text: 'update event_schemas set arrived_at = now() where id = $1',
    values: [schemaId],
  });
}

/** Reads the ids of schemas of account events that arrived after a time. */
export async function readSchemasSince(client: Queryable, since: Date): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'schemas-since',
    text: `select id from event_schemas
            where arrived_at > $1 and ${isOfAccount} order by arrived_at`,
    values: [since],
  });
  return rows.map(({ id }) => id);
}

/** Reads the ids of schemas of account events since whose arrival the fields have not been compared with Salesforce. */
export async function readUncheckedSchemas(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>({
    name: 'unchecked-schemas',
    text: `select id from event_schemas where checked_at is null and ${isOfAccount} order by arrived_at`,
  });
  return rows.map(({ id }) => id);
}

export async function hasUncheckedSchemas(client: Queryable): Promise<boolean> {
  return (await readUncheckedSchemas(client)).length > 0;
}

/** Marks schemas as seen before the fields were compared with Salesforce. */
export async function markSchemasChecked(client: Queryable, ids: readonly string[]): Promise<void> {
  await client.query({
    name: 'mark-schemas-checked',
    text: 'update event_schemas set checked_at = now() where id = any($1::text[]) and checked_at is null',
    values: [ids],
  });
}
