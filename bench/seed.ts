import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { toLongId } from 'salesforce-simulator/org/record-id.ts';
import { createEventEncoder } from 'salesforce-simulator/pubsub/change-event-codec.ts';

export type Seeded = {
  /** Ids of the accounts that were added, a sample of them. */
  readonly ids: readonly string[];
  /** One account that changed as often as a thousand others together. */
  readonly busiest: string;
  /** When the first and the last of the added events were committed. */
  readonly from: Date;
  readonly until: Date;
};

const batch = 5_000;

/**
 * Fills the tables up to a size as years of work would leave them: accounts that look like those that are there, and
 * applied updates of them, each account about equally often, committed evenly over ninety days.
 * The database has to hold a loaded mirror: its rows and its newest schema are what the new ones are made from.
 */
export async function seedTables(
  pool: pg.Pool,
  { accounts, events }: { readonly accounts: number; readonly events: number },
): Promise<Seeded> {
  const client = await pool.connect();
  try {
    await client.query(
      "set statement_timeout = 0; set synchronous_commit = off; set maintenance_work_mem = '512MB'",
    );
    const ids = await withoutIndexes(client, 'salesforce.account', () =>
      withoutIndexes(client, 'account_texts', () => addAccounts(client, accounts)),
    );
    const until = new Date();
    const from = new Date(until.getTime() - 90 * 86_400_000);
    await addStates(client, ids, from.getTime());
    await withoutIndexes(client, 'event_outcomes', () => addEvents(client, ids, events, from.getTime()));
    await addCheckpoints(client, ids[0] ?? '');
    await client.query(
      'vacuum analyze salesforce.account, records, signup_codes, account_texts, events, event_outcomes, account_changes, account_states',
    );
    await client.query('checkpoint');
    const [busiest = ''] = ids;
    return { ids: ids.filter((_, i) => i % Math.ceil(ids.length / 1_000) === 1), busiest, from, until };
  } finally {
    await client.query('reset all');
    client.release();
  }
}

async function addAccounts(client: pg.PoolClient, wanted: number): Promise<string[]> {
  const there = Number((await client.query('select count(*) from records')).rows[0].count);
  // Columns besides those that differ per account.
  const columnsOf = async (table: string, ...own: string[]): Promise<string[]> => {
    const { rows } = await client.query<{ name: string }>(
      `select quote_ident(attname) as name from pg_attribute
        where attrelid = $1::regclass and attnum > 0 and not attisdropped and attname <> all($2)`,
      [table, own],
    );
    return rows.map(({ name }) => name);
  };
  const values = await columnsOf(
    'salesforce.account',
    'id',
    'name',
    'accountnumber',
    'lastmodifieddate',
    'createddate',
  );
  const state = await columnsOf('records', 'record_id', 'changed_at');
  await client.query(
    `create temporary table sample as
     select row_number() over (order by a.id) - 1 as n, a as account, r as record, a.name
       from salesforce.account a join records r on r.record_id = a.id limit 1000`,
  );
  const size = Number((await client.query('select count(*) from sample')).rows[0].count);
  const ids: string[] = [];
  for (let done = there; done < wanted; done += batch) {
    const some = Array.from({ length: Math.min(batch, wanted - done) }, (_, i) => accountId(done + i));
    ids.push(...some);
    const source = `from unnest($1::text[], $2::int[]) as t (id, number)
         join sample s on s.n = t.number % ${size}
         cross join lateral (select s.name || ' ' || t.number as name,
                                    now() - make_interval(secs => (t.number::bigint * 7919 % 7776000)::int) as at) w`;
    const parameters = [some, some.map((_, i) => done + i)];
    await client.query(
      `insert into salesforce.account (id, name, accountnumber, lastmodifieddate, createddate, ${values.join(', ')})
       select t.id, w.name, 'S-' || t.number, w.at, w.at - interval '1 day',
              ${values.map((name) => `(s.account).${name}`).join(', ')} ${source}`,
      parameters,
    );
    await client.query(
      `insert into records (record_id, changed_at, ${state.join(', ')})
       select t.id, w.at, ${state.map((name) => `(s.record).${name}`).join(', ')} ${source}`,
      parameters,
    );
    await client.query(
      `insert into signup_codes (account_id, code, state) select t.id, 'SEED' || t.number, 'confirmed' ${source}`,
      parameters,
    );
    await client.query(
      `insert into account_texts (account_id, folded_name, search_text, deleted)
       select t.id, fold_case(w.name), fold_case(concat_ws(E'\n', w.name, 'S-' || t.number, 'SEED' || t.number, '', '')),
              false ${source}`,
      parameters,
    );
  }
  await client.query('drop table sample');
  return ids;
}

/** Where the history of each account begins. */
async function addStates(client: pg.PoolClient, ids: readonly string[], from: number): Promise<void> {
  const state = `jsonb_build_object('Name', 'Seeded', 'Industry', 'Energy', 'Phone', '+49 1')`;
  for (let done = 0; done < ids.length; done += 50_000) {
    await client.query(
      `insert into account_states (account_id, commit_ms, commit_number, sequence_number, read_ms, state, base_version, field_versions, is_base)
       select id, $2::bigint - 1000, 0, 0, 0, ${state}, ($2::bigint - 1000) || '.0.0.0', '{}', true from unnest($1::text[]) as t (id)`,
      [ids.slice(done, done + 50_000), from],
    );
  }
}

/** An account with many changes has a checkpoint every hundred changes. */
async function addCheckpoints(client: pg.PoolClient, id: string): Promise<void> {
  await client.query(
    `insert into account_states (account_id, commit_ms, commit_number, sequence_number, read_ms, state, base_version, field_versions, is_base)
     select account_id, commit_ms, commit_number, sequence_number, read_ms,
            written || '{"Name": "Seeded", "Industry": "Energy"}', commit_ms || '.0.0.0', '{}', false
       from (select *, row_number() over (order by commit_ms, commit_number) as n from account_changes where account_id = $1) c
      where n % 100 = 0
         on conflict do nothing`,
    [id],
  );
}

async function addEvents(
  client: pg.PoolClient,
  ids: readonly string[],
  wanted: number,
  from: number,
): Promise<void> {
  const there = Number((await client.query('select count(*) from events')).rows[0].count);
  const { rows: schemas } = await client.query<{ id: string; schema: string }>(
    'select id, schema from event_schemas order by arrived_at desc limit 1',
  );
  const [schema] = schemas;
  if (schema === undefined) throw new Error('the mirror knows no schema yet');
  const encode = createEventEncoder(schema.schema);
  const names = (JSON.parse(schema.schema) as { fields: { name: string }[] }).fields
    .slice(1)
    .map(({ name }) => name);
  const mask = (...fields: string[]) => bitmap(fields.map((name) => names.indexOf(name)));
  const changedFields = [mask('Phone', 'NumberOfEmployees', 'Site')];
  for (let done = there; done < wanted; done += batch) {
    const rows = Array.from({ length: Math.min(batch, wanted - done) }, (_, i) => {
      const n = done + i;
      // Every five-hundredth is of the same account.
      const recordId = (n % 500 === 0 ? ids[0] : ids[(n * 7919) % ids.length]) ?? '';
      const at = from + Math.floor((n / wanted) * 90 * 86_400) * 1_000;
      const transactionKey = randomUUID();
      const header = {
        entityName: 'Account',
        recordIds: [recordId],
        changeType: 'UPDATE',
        changeOrigin: 'com/salesforce/api/rest/66.0;client=Seed',
        transactionKey,
        sequenceNumber: 1,
        commitTimestamp: BigInt(at),
        commitNumber: BigInt(n) + 1n,
        commitUser: '005000000000001AAA',
        nulledFields: [],
        diffFields: [],
        changedFields,
      } as const;
      const payload = encode(header, {
        Phone: `+49 ${n}`,
        NumberOfEmployees: n % 100_000,
        Site: `Site ${n}`,
      });
      return { recordId, at, transactionKey, payload, n };
    });
    await client.query(
      `with given as (
       select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::bytea[], $5::bigint[])
         as t (record_id, at, key, payload, number)),
       stored as (
       insert into events (topic, source, event_id, schema_id, payload, key, received_at)
       select '/data/AccountChangeEvent', 'stream', key, $6, payload, gen_random_uuid(), at from given order by number
       returning id, event_id),
       added as (
       insert into event_outcomes (event_id, source, state, applied_at, entity_name, change_type, record_ids,
                                   transaction_key, sequence_number, commit_timestamp, commit_number, commit_user,
                                   change_origin, changed_fields)
       select id, 'stream', 'applied', at, 'Account', 'UPDATE', array[record_id], key, 1, at, number,
              '005000000000001AAA', 'com/salesforce/api/rest/66.0;client=Seed', '{Phone,NumberOfEmployees,Site}'
         from stored join given on key = event_id order by id
       returning event_id as id, record_ids[1] as account_id, commit_timestamp as at, commit_number as number)
       insert into account_changes (account_id, commit_ms, commit_number, sequence_number, read_ms, form, written, change_type, event_id)
       select account_id, extract(epoch from at)::bigint * 1000, number, 1, 0, 'some',
              jsonb_build_object('Phone', '+49 ' || number, 'NumberOfEmployees', number % 100000, 'Site', 'Site ' || number),
              'UPDATE', id
         from added`,
      [
        rows.map(({ recordId }) => recordId),
        rows.map(({ at }) => new Date(at)),
        rows.map(({ transactionKey }) => transactionKey),
        rows.map(({ payload }) => payload),
        rows.map(({ n }) => n),
        schema.id,
      ],
    );
  }
}

/** Building an index over all rows is quicker than keeping it row by row. */
async function withoutIndexes<T>(client: pg.PoolClient, table: string, work: () => Promise<T>): Promise<T> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition from pg_index i
      where i.indrelid = $1::regclass and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
    [table],
  );
  for (const { name } of rows) await client.query(`drop index ${name}`);
  const result = await work();
  for (const { definition } of rows) await client.query(definition);
  return result;
}

function accountId(number: number): string {
  return toLongId(`001Sd${number.toString(36).toUpperCase().padStart(10, '0')}`) ?? '';
}

function bitmap(positions: readonly number[]): string {
  const hex = positions
    .reduce((mask, at) => mask | (1n << BigInt(at)), 0n)
    .toString(16)
    .toUpperCase();
  return `0x${hex.padStart(hex.length + (hex.length % 2), '0')}`;
}
