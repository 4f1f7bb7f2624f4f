import type { Static } from 'typebox';
import type { Queryable } from '../../db/database.ts';
import { readCalculatedNames, readLostFields, readUnmirroredFields } from '../../fields/field-rows.ts';
import { readRefreshedAt } from '../../fields/refresh-calculated.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { isoTime } from '../schemas/values.ts';

type FieldStatus = Pick<
  Static<typeof StatusSchema>,
  'calculatedFields' | 'unreadableFields' | 'unmirroredFields'
>;

/** Which fields events do not keep current, and why. */
export async function readFieldStatus(client: Queryable): Promise<FieldStatus> {
  const [names, lost] = await Promise.all([readCalculatedNames(client), readLostFields(client)]);
  return {
    calculatedFields: { names, refreshedAt: isoTime(await readRefreshedAt(client, names)) },
    unreadableFields: lost.map(({ name, lostAt }) => ({ name, since: lostAt.toISOString() })),
    unmirroredFields: await readUnmirroredFields(client),
  };
}
