import type { Queryable } from '../../db/database.ts';
import { Problem } from '../problem.ts';
import { readVerification } from './read-verifications.ts';
import { type ResyncJson, type ResyncRow, resyncColumns, resyncJson } from './resync.ts';

/**
 * One resync as the API shows it.
 * @throws Problem 404 where there is none
 */
export async function readResync(db: Queryable, id: string): Promise<ResyncJson> {
  const { rows } = await db.query<ResyncRow>({
    name: 'read-resync',
    text: `SELECT ${resyncColumns.sql} FROM resyncs WHERE id = $1`,
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) throw noSuchResync(id);
  return resyncJson(row, await readVerification(db, row));
}

export function noSuchResync(id: string): Problem {
  return new Problem('not-found', `There is no resync ${id}.`);
}
