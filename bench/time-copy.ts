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
  await rows(`copy salesforce.account to '${file}'`);
  await rows('create table account_copy (like salesforce.account including all)');
  const seconds: number[] = [];
  for (let round = 0; round < 3; round++) {
    await rows('truncate account_copy');
    const begin = performance.now();
    await rows(`copy account_copy from '${file}'`);
    seconds.push((performance.now() - begin) / 1000);
  }
  await rows('drop table account_copy');
  return median(seconds);
}
