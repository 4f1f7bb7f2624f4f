import { topOf } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import { quoted } from '../mirror/mirror-table.ts';
import type { KnownField } from './known-field.ts';

const columns = `name, field_id as "fieldId", event_type as "eventType", type, length, default_value as "defaultValue",
  calculated, label, readable, mirrored`;

/** Reads the fields of Account as Salesforce last described them; empty before the first time. */
export async function readKnownFields(client: Queryable): Promise<KnownField[]> {
  const { rows } = await client.query<KnownField>({
    name: 'read-known-fields',
    text: `select ${columns} from salesforce_fields where object = 'Account' order by name`,
  });
  return rows;
}

/** Replaces what is known of the fields. A field that is missing in `fields` stays, as one that is not readable. */
export async function saveKnownFields(client: Queryable, fields: readonly KnownField[]): Promise<void> {
  await client.query({
    name: 'save-known-fields',
    text: `with described as (
             select * from jsonb_to_recordset($1) as d (name text, "fieldId" text, "eventType" text, type text,
               length int, "defaultValue" text, calculated boolean, label text, readable boolean, mirrored boolean)),
           missing as (
             update salesforce_fields f
                set readable = false, mirrored = false,
                    lost_at = case when f.mirrored then now() else f.lost_at end
              where f.object = 'Account' and f.readable and not exists (select from described d where d.name = f.name))
           insert into salesforce_fields as f (object, name, field_id, event_type, type, length, default_value, calculated,
                                               label, readable, mirrored)
           select 'Account', name, "fieldId", "eventType", type, length, "defaultValue", calculated, label, readable,
                  mirrored from described d
            where not exists (
              select from salesforce_fields f
               where f.object = 'Account' and f.name = d.name
                 and (f.field_id, f.event_type, f.type, f.length, f.default_value, f.calculated, f.label, f.readable, f.mirrored)
                     is not distinct from
                     (d."fieldId", d."eventType", d.type, d.length, d."defaultValue", d.calculated, d.label, d.readable, d.mirrored))
           on conflict (object, name) do update set
             field_id = excluded.field_id, event_type = excluded.event_type,
             type = coalesce(excluded.type, f.type), length = case when excluded.readable then excluded.length else f.length end,
             default_value = case when excluded.readable then excluded.default_value else f.default_value end,
             calculated = case when excluded.readable then excluded.calculated else f.calculated end,
             label = coalesce(excluded.label, f.label), readable = excluded.readable, mirrored = excluded.mirrored,
             lost_at = case when excluded.mirrored or excluded.calculated then null when f.mirrored then now() else f.lost_at end`,
    values: [storableJson(fields)],
  });
}

/** Reads the names of fields that are known and not mirrored: hidden ones, deleted ones, calculated ones. */
export async function readUnmirroredNames(client: Queryable): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ names: string[] | null }>({
    name: 'read-unmirrored-names',
    text: `select array_agg(name) as names from salesforce_fields where object = 'Account' and not mirrored`,
  });
  return new Set(rows[0]?.names ?? []);
}

/** Whether an account has a value of a field. Scans the table of accounts. */
export async function hasValues(client: Queryable, name: string): Promise<boolean> {
  const { sql, columns } = await loadMirror(client);
  const own = columns.filter(({ path }) => topOf(path) === name);
  const { rowCount } = await client.query(
    `select from ${sql}
      where ${own.map((column) => `${quoted(column.name)} is not null or `).join('')}
            exists (select from jsonb_object_keys(additional_fields) k where split_part(k, '.', 1) = $1) limit 1`,
    [name],
  );
  return rowCount === 1;
}

/** Names of the calculated fields that are mirrored. */
export async function readCalculatedNames(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>({
    name: 'read-calculated-names',
    text: `select name from salesforce_fields where object = 'Account' and calculated and mirrored order by name`,
  });
  return rows.map(({ name }) => name);
}

/** Mirrored fields that became unreadable, the latest first. */
export async function readLostFields(client: Queryable): Promise<{ name: string; lostAt: Date }[]> {
  const { rows } = await client.query<{ name: string; lostAt: Date }>({
    name: 'read-lost-fields',
    text: `select name, lost_at as "lostAt" from salesforce_fields
            where object = 'Account' and lost_at is not null order by lost_at desc, name`,
  });
  return rows;
}

/**
 * Why a field is not mirrored:
 * - `calculated`: its value changes without events, and `CALCULATED_FIELDS` does not select it
 * - `not in events`: change events do not carry it
 * - `not readable`: the integration user cannot see it, and never could
 */
type UnmirroredReason = 'calculated' | 'not in events' | 'not readable';

/** Fields that are known and not mirrored, except those that were mirrored before and those of the record itself. */
export async function readUnmirroredFields(
  client: Queryable,
): Promise<{ name: string; reason: UnmirroredReason }[]> {
  const { rows } = await client.query<{ name: string; reason: UnmirroredReason }>({
    name: 'read-unmirrored-fields',
    text: `select name, case when calculated then 'calculated' when readable then 'not in events' else 'not readable' end as reason
             from salesforce_fields where object = 'Account' and not mirrored and lost_at is null
              and name not in ('Id', 'IsDeleted', 'SystemModstamp') order by name`,
  });
  return rows;
}
