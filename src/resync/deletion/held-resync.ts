import type { Queryable } from '../../db/database.ts';
import { sendWakeUp } from '../../db/wake-up.ts';
import { type Claim, runningStates } from '../resync-claim.ts';
import { hasNoOpenResync, type UnprovenCount } from './invisible-rows.ts';

// Each check costs a request or two; it lets a resync continue soon after a permission is restored.
const nextCheck = `now() + interval '5 minutes'`;

/**
 * Stops a resync until an operator confirms it. It keeps its progress.
 * @returns false if it was not running
 */
export async function holdResync(
  client: Queryable,
  { id, claim }: Claim,
  count: UnprovenCount,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'hold-resync',
    text: `update resyncs
              set state = 'needs-confirmation', resume_at = case when scope = 'accounts' then null else 'end' end,
                  resume_rows = 0, next_look_at = ${nextCheck}
            where id = $1 and claim = $2 and state in ${runningStates}`,
    values: [id, claim],
  });
  if (rowCount === 0) return false;
  await absorb(client, await findKeeper(client, id));
  await describeHeld(client, count);
  return true;
}

/** Adds accounts that re-reads did not find, and that no open resync covers, to a held resync. */
export async function holdAccounts(
  client: Queryable,
  ids: readonly string[],
  count: UnprovenCount,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>({
    name: 'accounts-without-keeper',
    text: `select account_id as id from invisible_accounts i
            where account_id = any($1::text[]) and state = 'kept' and ${hasNoOpenResync}`,
    values: [ids],
  });
  if (rows.length === 0) return;
  const keeper = (await findOldestHeld(client)) ?? (await insertHeld(client));
  const added = rows.map(({ id }) => id);
  await client.query({
    name: 'keep-accounts',
    text: 'update invisible_accounts set resync_id = $1 where account_id = any($2::text[])',
    values: [keeper, added],
  });
  await addAccountIds(client, keeper);
  await describeHeld(client, count);
}

/** Held resyncs of single accounts are combined, so that an operator confirms once. */
async function findKeeper(client: Queryable, id: string): Promise<string> {
  const { rows } = await client.query<{ scope: string }>({
    name: 'scope-of-resync',
    text: 'select scope from resyncs where id = $1',
    values: [id],
  });
  return rows[0]?.scope === 'accounts' ? ((await findOldestHeld(client)) ?? id) : id;
}

async function findOldestHeld(client: Queryable): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'oldest-held-resync',
    text: `select id from resyncs where state = 'needs-confirmation' and scope = 'accounts'
            order by created_at, id limit 1`,
  });
  return rows[0]?.id;
}

async function insertHeld(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ id: string }>({
    name: 'insert-held-resync',
    text: `insert into resyncs (scope, reason, account_ids, state, started_at, next_look_at)
           values ('accounts', 'not visible', '{}', 'needs-confirmation', now(), ${nextCheck}) returning id`,
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert of a resync returned no id');
  return row.id;
}

/** Cancels the held resyncs that this one covers, and takes over their accounts and incidents. */
async function absorb(client: Queryable, keeper: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>({
    name: 'absorb-held-resyncs',
    text: `update resyncs r
              set state = 'cancelled', finished_at = now(), waiting = null,
                  error = 'Resync ' || k.id || ' waits for confirmation in its place.'
             from resyncs k
            where k.id = $1 and r.id <> k.id and r.state = 'needs-confirmation'
              and (k.scope = 'all' or (k.scope = 'accounts' and r.scope = 'accounts'))
            returning r.id`,
    values: [keeper],
  });
  if (rows.length === 0) return;
  const absorbed = rows.map(({ id }) => id);
  await client.query({
    name: 'absorb-invisible-accounts',
    text: `update invisible_accounts set resync_id = $1 where resync_id = any($2::uuid[]) and state = 'kept'`,
    values: [keeper, absorbed],
  });
  await client.query({
    name: 'absorb-incidents',
    text: `update incidents set resync_id = $1 where resync_id = any($2::uuid[]) and state <> 'closed'`,
    values: [keeper, absorbed],
  });
  await addAccountIds(client, keeper);
}

async function addAccountIds(client: Queryable, keeper: string): Promise<void> {
  await client.query({
    name: 'add-kept-account-ids',
    text: `update resyncs r
              set account_ids = array(select unnest(r.account_ids) union
                                      select account_id from invisible_accounts where resync_id = r.id and state = 'kept')
            where id = $1 and scope = 'accounts'`,
    values: [keeper],
  });
}

/** Updates the number of kept accounts and the instructions of each held resync. */
async function describeHeld(client: Queryable, { records }: UnprovenCount): Promise<void> {
  const { rows } = await client.query<{ id: string; kept: number; examples: string[] }>({
    name: 'held-resyncs',
    text: `select r.id, count(i.account_id)::int as kept,
                  coalesce((array_agg(i.account_id order by i.account_id) filter (where i.account_id is not null))[1:10],
                           '{}') as examples
             from resyncs r left join invisible_accounts i on i.resync_id = r.id and i.state = 'kept'
            where r.state = 'needs-confirmation' group by r.id`,
  });
  for (const { id, kept, examples } of rows) {
    const waiting = { reason: 'confirmation', notVisible: kept, records, examples };
    await client.query({
      name: 'describe-held-resync',
      text: `update resyncs
                set not_visible = $2, error = $3,
                    waiting = $4::jsonb || jsonb_build_object('since', coalesce(waiting ->> 'since',
                      to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')))
              where id = $1`,
      values: [id, kept, instructions(id, kept, records), JSON.stringify(waiting)],
    });
  }
  await sendWakeUp(client, 'resync');
}

function instructions(id: string, kept: number, records: number): string {
  return (
    `Salesforce does not return ${kept} of the ${records} accounts that the mirror holds, and nothing proves that ` +
    `they are deleted; the mirror keeps them. Check whether the integration user still has "View All" on Account, ` +
    `whether a sharing rule or a filter changed, and whether Salesforce answers queries completely. If the accounts ` +
    `are visible again, the resync continues automatically. If they are deleted, confirm it: in the console under Resyncs, ` +
    `or with "tidemark resyncs confirm ${id}"`
  );
}
