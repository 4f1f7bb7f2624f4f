import path from 'node:path';
import { median } from './world.ts';

/**
 * COPY of the mirror's accounts into a table with the same indexes: the median of three, in seconds.
 * @param folder the data folder of the server
 */
export async function timeCopy(
  rows: (sql: string) => Promise<readonly object[]>,
  folder: string,
): Promise<number> {
  const file = path.join(folder, 'accounts.copy');
  // What is generated is not copied.
  const stored = await rows(
    `select quote_ident(column_name) as name from information_schema.columns
      where table_schema = current_schema() and table_name = 'accounts' and is_generated = 'NEVER'`,
  );
  const columns = stored.map((row) => Object.values(row)[0]).join(', ');
  await rows(`copy accounts (${columns}) to '${file}'`);
  await rows('create table accounts_copy (like accounts including all)');
  const seconds: number[] = [];
  for (let round = 0; round < 3; round++) {
    await rows('truncate accounts_copy');
    const begin = performance.now();
    await rows(`copy accounts_copy (${columns}) from '${file}'`);
    seconds.push((performance.now() - begin) / 1000);
  }
  await rows('drop table accounts_copy');
  return median(seconds);
}
