import type pg from 'pg';
import type { Static } from 'typebox';
import { Prisma } from '../../db/generated/client.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { countRows } from '../search/count-rows.ts';

/** Counts what the mirror holds; great sets are estimated, and `estimated` names them. */
export async function readCounts(pool: pg.Pool): Promise<Counts> {
  const counted = new Map<string, number>();
  const estimated: string[] = [];
  for (const [name, from] of Object.entries(counts)) {
    const { count, exact } = await countRows(pool, from);
    counted.set(name, count);
    if (!exact) estimated.push(name);
  }
  const count = (name: keyof typeof counts) => counted.get(name) ?? 0;
  return {
    accounts: {
      active: count('accounts.active'),
      deleted: count('accounts.deleted'),
      stale: count('accounts.stale'),
      byCodeState: {
        none: count('accounts.byCodeState.none'),
        pending: count('accounts.byCodeState.pending'),
        written: count('accounts.byCodeState.written'),
        confirmed: count('accounts.byCodeState.confirmed'),
        failed: count('accounts.byCodeState.failed'),
      },
    },
    incidents: { open: count('incidents.open'), repairing: count('incidents.repairing') },
    events: {
      stored: count('events.stored'),
      applied: count('events.applied'),
      skipped: count('events.skipped'),
      failed: count('events.failed'),
    },
    estimated,
  };
}

const counts = {
  'accounts.active': Prisma.sql`accounts WHERE NOT deleted`,
  'accounts.deleted': Prisma.sql`accounts WHERE deleted`,
  'accounts.stale': Prisma.sql`accounts WHERE stale_version IS NOT NULL`,
  'accounts.byCodeState.none': Prisma.sql`accounts WHERE code_state = 'none'`,
  'accounts.byCodeState.pending': Prisma.sql`accounts WHERE code_state = 'pending'`,
  'accounts.byCodeState.written': Prisma.sql`accounts WHERE code_state = 'written'`,
  'accounts.byCodeState.confirmed': Prisma.sql`accounts WHERE code_state = 'confirmed'`,
  'accounts.byCodeState.failed': Prisma.sql`accounts WHERE code_state = 'failed'`,
  'incidents.open': Prisma.sql`incidents WHERE state = 'open'`,
  'incidents.repairing': Prisma.sql`incidents WHERE state = 'repairing'`,
  'events.stored': Prisma.sql`events WHERE state = 'stored'`,
  'events.applied': Prisma.sql`events WHERE state = 'applied'`,
  'events.skipped': Prisma.sql`events WHERE state = 'skipped'`,
  'events.failed': Prisma.sql`events WHERE state = 'failed'`,
};

type Counts = Static<typeof StatusSchema>['counts'];
