import { topOf } from '../apply/merge.ts';
import { columnJson } from './column-value.ts';
import { type MirrorTable, quoted } from './mirror-table.ts';
import type { MirrorColumn } from './plan-columns.ts';

/** SQL for whether Salesforce is known to hold a code. */
const isHeldState = `c.state in ('written', 'confirmed')`;

/** Prefix of the columns of the typed table in the view `accounts`. */
export const typedRow = '(account).';

/**
 * The view `accounts` of Tidemark's schema: values, record and signup code of each account. Its columns `account` and
 * `code` are whole rows: a condition on a member, such as `(code).state`, uses the index of the table.
 */
export function accountsView(table: MirrorTable): string {
  return `select a.id, ${fieldsJson(table)} as fields, ${valueText(table, 'Name')} as name,
      ${valueText(table, 'AccountNumber')} as account_number, ${valueText(table, table.codeField)} as salesforce_code,
      ${valueTime(table, 'CreatedDate')} as created_at, ${valueTime(table, 'LastModifiedDate')} as modified_at,
      a.isdeleted as deleted,
      case when a.isdeleted then 'epoch'::timestamptz + interval '1 millisecond' * split_part(coalesce(
        (select g.versions ->> 0 from jsonb_array_elements(r.field_versions) g (versions)
          where g.versions ? 'IsDeleted'), r.base_version), '.', 1)::bigint end as deleted_at,
      r.base_version,
      (select coalesce(jsonb_object_agg(p.path, g.versions ->> 0), '{}')
         from jsonb_array_elements(r.field_versions) g (versions)
        cross join jsonb_array_elements_text(g.versions - 0) p (path)) as field_versions,
      r.version, case when ${isHeldState} then c.code end as signup_code,
      case when not ${isHeldState} then c.code end as pending_signup_code, coalesce(c.state, 'none') as code_state, c.error as code_error,
      coalesce(c.attempts, 0) as code_attempts, c.attempted_at as code_attempted_at,
      coalesce(c.due_at, 'epoch') as code_due_at, coalesce(c.tries, 0) as code_tries,
      coalesce(c.refusals, 0) as code_refusals, coalesce(c.replaces, '[]') as code_replaces,
      c.write_base as code_write_base, c.written_at as code_written_at, r.stale_version, r.stale_since, r.synced_at,
      r.changed_at, r.revision, r.history_from, r.history_length, r.replaced_fields, t.search_text, r.record_id,
      a as account, c as code
    from ${table.sql} a
    left join records r on r.record_id = a.id
    left join signup_codes c on c.account_id = a.id
    left join account_texts t on t.account_id = a.id`;
}

/** The view of the accounts that are not deleted, for users of SQL. */
export function liveView(table: MirrorTable): string {
  const names = [
    'id',
    'isdeleted',
    'systemmodstamp',
    'additional_fields',
    ...table.columns.map(({ name }) => name),
  ];
  return `select ${names.map(quoted).join(', ')} from ${table.sql} where not isdeleted`;
}

/**
 * The view `account_history` for users of SQL: one row per account and period in which its values did not change, by the
 * time of the commit in Salesforce. Before `is_complete`, only the fields that changes named are known.
 */
export const historyView = `
  with entries as (
    select account_id, commit_ms, commit_number, sequence_number, read_ms, form, written, unread_fields as unread, change_type,
           event_id, resync_id, form = 'all' as complete
      from account_changes where form not in ('confirmed', 'fields') or written <> '{}'
    union all
    select account_id, commit_ms, commit_number, sequence_number, read_ms, 'folded', state, '{}', null, null, null,
           base_version <> '0.0.0.0'
      from account_states where is_base
    union all
    select id, split_part(history_from, '.', 1)::bigint, split_part(history_from, '.', 2)::bigint,
           split_part(history_from, '.', 3)::int, split_part(history_from, '.', 4)::bigint, 'folded',
           (select coalesce(jsonb_object_agg(f.key || coalesce('.' || p.key, ''), coalesce(p.value, f.value)), '{}')
              from jsonb_each(fields) f
              left join lateral jsonb_each(case when jsonb_typeof(f.value) = 'object' then f.value end) p on true),
           '{}', null, null, null, true
      from accounts where history_from is not null
  ), states as (
    select account_id, commit_ms, change_type, event_id, resync_id,
           history_values(form, written, unread) over so_far as "values",
           bool_or(complete) over so_far as complete, lead(commit_ms) over in_order as next_ms
      from entries
    window in_order as (partition by account_id order by commit_ms, commit_number, sequence_number, read_ms),
           so_far as (in_order rows unbounded preceding)
  )
  select account_id as id, to_timestamp(commit_ms / 1000.0) as valid_from, to_timestamp(next_ms / 1000.0) as valid_to,
         next_ms is null as is_current, complete as is_complete, change_type, event_id, resync_id,
         "values" -> 'IsDeleted' is not distinct from 'true'::jsonb as isdeleted, jsonb_strip_nulls("values") as "values"
    from states where next_ms is distinct from commit_ms`;

/** SQL for the value of a field as text. */
function valueText({ byPath }: MirrorTable, path: string): string {
  const column = byPath.get(path);
  if (column === undefined) return `a.additional_fields ->> '${path}'`;
  return column.type === 'text' ? `a.${quoted(column.name)}` : `a.${quoted(column.name)}::text`;
}

function valueTime({ byPath }: MirrorTable, path: string): string {
  const column = byPath.get(path);
  return column?.type === 'timestamptz' ? `a.${quoted(column.name)}` : 'null::timestamptz';
}

/** SQL for all values as JSON by field; compound fields as objects. */
function fieldsJson(table: MirrorTable): string {
  const fields = Map.groupBy(table.byPath.values(), ({ path }) => topOf(path));
  const members = [...fields].map(([name, columns]) => `'${name}', ${fieldJson(table, name, columns)}`);
  // A function has at most 100 arguments.
  const objects = chunks(members, 50).map((some) => `jsonb_build_object(${some.join(', ')})`);
  return `merge_fields(jsonb_strip_nulls(${objects.join(' || ')}),
      coalesce(a.additional_fields, '{}') || jsonb_build_object('IsDeleted', a.isdeleted))`;
}

function fieldJson(table: MirrorTable, name: string, columns: readonly MirrorColumn[]): string {
  const parts = columns.filter(({ path }) => path.includes('.'));
  const own = columns.filter(({ path }) => !path.includes('.')).map((column) => valueJson(table, column));
  if (parts.length === 0) return own.join();
  const members = parts.map(
    (column) => `'${column.path.slice(name.length + 1)}', ${valueJson(table, column)}`,
  );
  const compound = `nullif(jsonb_strip_nulls(jsonb_build_object(${members.join(', ')})), '{}')`;
  // The name of a person has parts.
  return own.length === 0 ? compound : `coalesce(${compound}, to_jsonb(${own.join()}))`;
}

/** SQL for the value of a field as JSON. @param row prefix of the columns */
export function valueJson({ columns }: MirrorTable, { path, name, type }: MirrorColumn, row = 'a.'): string {
  const own = columnJson(type, `${row}${quoted(name)}`);
  const former = columns.filter((column) => column.path === path && column.state === 'replaced').toReversed();
  if (former.length === 0) return own;
  const all = [own, ...former.map((column) => columnJson(column.type, `${row}${quoted(column.name)}`))];
  return `coalesce(${all.map((value) => `to_jsonb(${value})`).join(', ')})`;
}

export function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
