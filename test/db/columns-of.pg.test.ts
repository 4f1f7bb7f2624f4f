import { expect, it } from 'vitest';
import { columnsOf } from '../../src/db/columns-of.ts';
import { Prisma } from '../../src/db/generated/client.ts';
import { useDatabase } from '../helpers/use-database.ts';

const database = useDatabase();

it('a hand-written statement reads the same rows of resyncs and incidents as Prisma', async () => {
  const { prisma } = database;
  const resync = await prisma.resync.create({
    data: { scope: 'accounts', reason: 'manual', accountIds: ['001000000000001AAA'], since: new Date(0) },
  });
  const incident = await prisma.incident.create({
    data: {
      topic: '/data/AccountChangeEvent',
      cause: 'gap',
      detail: 'A change without values.',
      extent: 'since',
      accountIds: [],
      eventIds: [7n],
      from: new Date(0),
      resyncId: resync.id,
    },
  });
  const read = (fields: object, table: string) =>
    database.rows(`select ${columnsOf(Object.values(fields))} from ${table}`);
  expect(await read(Prisma.ResyncScalarFieldEnum, 'resyncs')).toEqual([resync]);
  expect(await read(Prisma.IncidentScalarFieldEnum, 'incidents')).toEqual([incident]);
});
