import { createHash } from 'node:crypto';
import type pg from 'pg';
import { createSchema } from './locate-database.ts';

/**
 * The schema of the job queue for a schema of tables. Two installations in one database must not share jobs, so only
 * the one in `public` uses `pgboss`.
 */
export function queueSchemaOf(schema: string): string {
  if (schema === 'public') return 'pgboss';
  if (/^[a-z_][a-z0-9_]{0,40}$/.test(schema)) return `${schema}_jobs`;
  return `tidemark_jobs_${createHash('sha256').update(schema).digest('hex').slice(0, 12)}`;
}

/**
 * Makes sure that the schema of the job queue exists. If it does not and this role may not create it, a schema `pgboss`
 * that the role owns is used, unless another installation uses it.
 *
 * @returns the name of the schema
 * @throws with the statement to run if there is none
 */
export async function prepareQueueSchema(pool: pg.Pool, schema: string): Promise<string> {
  const name = queueSchemaOf(schema);
  const client = await pool.connect();
  try {
    const { rows } = await client.query<{ exists: boolean; isSpare: boolean }>(
      `select exists (select from pg_namespace where nspname = $1) as exists,
              exists (select from pg_namespace n
                       where n.nspname = 'pgboss' and pg_has_role(n.nspowner, 'USAGE')
                         and case when exists (select from pg_class c where c.relnamespace = n.oid)
                                  then obj_description(n.oid, 'pg_namespace') = $2 else true end) as "isSpare"`,
      [name, ownerNote(schema)],
    );
    if (rows[0]?.exists === true) return name;
    try {
      await createSchema(client, name);
      return name;
    } catch (error) {
      if (rows[0]?.isSpare !== true) throw error;
      await client.query(`comment on schema pgboss is ${client.escapeLiteral(ownerNote(schema))}`);
      return 'pgboss';
    }
  } finally {
    client.release();
  }
}

function ownerNote(schema: string): string {
  return `Job queue of the Tidemark in schema ${JSON.stringify(schema)}`;
}
