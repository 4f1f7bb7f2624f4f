import type { Queryable } from '../../src/db/database.ts';

/**
 * Makes the view `accounts` of a test database writable, so that a test can insert an account, damage a field or set a
 * code state with one statement. The service never writes the view.
 */
export async function makeAccountsWritable(client: Queryable): Promise<void> {
  await client.query(writableAccounts);
}

const writableAccounts = `
create function write_account_by_hand() returns trigger language plpgsql as $$
declare
  before accounts;
  flat jsonb;
  typed jsonb;
begin
  if tg_op <> 'INSERT' then before := old; end if;
  if tg_op <> 'INSERT' and (tg_op = 'DELETE' or new.id <> old.id) then
    delete from salesforce.account where id = old.id;
    delete from records where record_id = old.id;
    delete from signup_codes where account_id = old.id;
    delete from account_texts where account_id = old.id;
    if tg_op = 'DELETE' then return old; end if;
  end if;

  -- The typed row: from the fields if they are new, then with the columns that were set by themselves.
  if tg_op = 'INSERT' or new.fields is distinct from before.fields then
    select coalesce(jsonb_object_agg(f.key || coalesce('.' || p.key, ''), coalesce(p.value, f.value)), '{}') into flat
      from jsonb_each(coalesce(new.fields, '{}')) f
      left join lateral jsonb_each(case jsonb_typeof(f.value) when 'object' then f.value end) p on true
     where coalesce(p.value, f.value) <> 'null';
    select coalesce(jsonb_object_agg(m.column_name, flat -> m.path), '{}') into typed
      from mirror_columns m where m.state <> 'replaced' and flat ? m.path;
    flat := flat - coalesce((select array_agg(m.path) from mirror_columns m where m.state <> 'replaced'), '{}')
      - 'IsDeleted'::text;
    typed := typed || jsonb_build_object('additional_fields', nullif(flat, '{}'),
      'isdeleted', coalesce(new.fields -> 'IsDeleted', to_jsonb(new.deleted), 'false'));
  else
    select to_jsonb(a) into typed from salesforce.account a where a.id = new.id;
  end if;
  if tg_op = 'INSERT' and new.name is not null or new.name is distinct from before.name then
    typed := typed || jsonb_build_object('name', new.name);
  end if;
  if tg_op = 'INSERT' and new.account_number is not null or new.account_number is distinct from before.account_number then
    typed := typed || jsonb_build_object('accountnumber', new.account_number);
  end if;
  if tg_op = 'INSERT' and new.created_at is not null or new.created_at is distinct from before.created_at then
    typed := typed || jsonb_build_object('createddate', new.created_at);
  end if;
  if tg_op = 'INSERT' and new.modified_at is not null or new.modified_at is distinct from before.modified_at then
    typed := typed || jsonb_build_object('lastmodifieddate', new.modified_at);
  end if;
  if tg_op = 'INSERT' and new.salesforce_code is not null or new.salesforce_code is distinct from before.salesforce_code then
    typed := typed || jsonb_build_object('signupcode__c', new.salesforce_code);
  end if;
  if tg_op = 'INSERT' and new.deleted is not null or new.deleted is distinct from before.deleted then
    typed := typed || jsonb_build_object('isdeleted', coalesce(new.deleted, false));
  end if;
  if tg_op = 'UPDATE' then delete from salesforce.account where id = new.id; end if;
  insert into salesforce.account
  select * from jsonb_populate_record(null::salesforce.account, typed || jsonb_build_object('id', new.id));

  insert into records (record_id, object, base_version, field_versions, version, stale_version, stale_since, synced_at,
                       changed_at, revision, history_from, history_length, replaced_fields)
  values (new.id, 'Account', new.base_version,
          (select coalesce(jsonb_agg(jsonb_build_array(v.value, v.key)), '[]')
             from jsonb_each(coalesce(new.field_versions, '{}')) v)
          -- The time of a deletion is the version of its flag.
          || case when new.deleted_at is distinct from before.deleted_at or new.base_version !~ '^[0-9]'
               then jsonb_build_array(jsonb_build_array(
                 (extract(epoch from coalesce(new.deleted_at, 'epoch')) * 1000)::bigint || '.0.0.0', 'IsDeleted'))
               else '[]' end,
          new.version, new.stale_version, new.stale_since, new.synced_at, new.changed_at, coalesce(new.revision, 1),
          new.history_from, coalesce(new.history_length, 0), coalesce(new.replaced_fields, '[]'))
  on conflict (record_id) do update set
    base_version = excluded.base_version, field_versions = excluded.field_versions, version = excluded.version,
    stale_version = excluded.stale_version, stale_since = excluded.stale_since, synced_at = excluded.synced_at,
    changed_at = excluded.changed_at, revision = excluded.revision, history_from = excluded.history_from,
    history_length = excluded.history_length, replaced_fields = excluded.replaced_fields;

  delete from signup_codes where account_id = new.id;
  insert into signup_codes (account_id, code, state, error, attempts, attempted_at, due_at, tries, refusals, replaces,
                            write_base, written_at)
  values (new.id, coalesce(new.signup_code, new.pending_signup_code), coalesce(new.code_state, 'none'), new.code_error,
          coalesce(new.code_attempts, 0), new.code_attempted_at, coalesce(new.code_due_at, 'epoch'),
          coalesce(new.code_tries, 0), coalesce(new.code_refusals, 0), coalesce(new.code_replaces, '[]'),
          new.code_write_base, new.code_written_at);

  insert into account_texts (account_id, folded_name, search_text, deleted)
  select a.id, fold_case(a.name), fold_case(coalesce(a.name, '') || E'\\n' || coalesce(a.account_number, '') || E'\\n' ||
         coalesce((a.code).code, '') || E'\\n' || coalesce((a.account).phone, '') || E'\\n' ||
         coalesce((a.account).website, '')), a.deleted
    from accounts a where a.id = new.id
  on conflict (account_id) do update set
    folded_name = excluded.folded_name, search_text = excluded.search_text, deleted = excluded.deleted;
  return new;
end $$;
create trigger write_account_by_hand instead of insert or update or delete on accounts
  for each row execute function write_account_by_hand()`;

/** The tables of accounts. */
export const accountTables = [
  'salesforce.account',
  'records',
  'signup_codes',
  'account_texts',
  'account_text_queue',
] as const;

/** Statement that empties tables of a few rows, ten times faster than `truncate`. */
export const removeRows = (...tables: readonly string[]): string =>
  `with ${tables.map((table, n) => `t${n} as (delete from ${table})`).join(', ')} select`;

/** Statement that removes all accounts. */
export const removeAccounts = removeRows(...accountTables);
