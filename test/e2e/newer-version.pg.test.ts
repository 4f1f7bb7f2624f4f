import { expect, it } from 'vitest';
import { openMirror } from '../helpers/live-mirror.ts';

it('a process continues, and starts, next to a newer one that has migrated the database', async () => {
  await using mirror = await openMirror();
  // What an expanding migration may do to every table that this version knows.
  await mirror.sql(`
    alter table records add column later text;
    alter table salesforce.account add column later text;
    alter table events add column later integer not null default 7;
    alter table subscriptions add column later jsonb;
    alter table resyncs add column later boolean not null default false;
    create table later (id bigint primary key);
    create index later_name on salesforce.account (name, later);
    insert into _prisma_migrations (id, checksum, migration_name, finished_at) values ('x', 'x', '29990101000000_later', now())`);
  const first = await mirror.salesforce.create({ Name: 'Harbour Ltd' });
  await mirror.accountWhen(
    first,
    'the running one gives it a code',
    ({ codeState }) => codeState === 'confirmed',
  );
  await mirror.stop();
  await mirror.startAgain();
  const second = await mirror.salesforce.create({ Name: 'Quay Ltd' });
  await mirror.accountWhen(second, 'the next one does too', ({ codeState }) => codeState === 'confirmed');
  expect(await mirror.account(second)).toMatchObject({ name: 'Quay Ltd', stale: false });
});
