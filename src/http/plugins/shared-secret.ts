import { randomBytes } from 'node:crypto';
import type { Queryable } from '../../db/database.ts';

/**
 * Reads a random key that all processes on one database share; the first one that asks makes it.
 * It is read only where it is there already, so a database that takes no writes will do.
 */
export async function readSharedSecret(client: Queryable, name: string): Promise<Buffer> {
  const secret = await read(client, name);
  if (secret !== undefined) return secret;
  await client.query('insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing', [
    name,
    randomBytes(32),
  ]);
  const made = await read(client, name);
  if (made === undefined) throw new Error(`The secret ${name} was removed as soon as it was made`);
  return made;
}

async function read(client: Queryable, name: string): Promise<Buffer | undefined> {
  const { rows } = await client.query<{ value: Buffer }>('select value from secrets where name = $1', [name]);
  return rows[0]?.value;
}
