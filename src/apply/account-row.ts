// Hot statements: hand-written, with one parameter.
import type pg from 'pg';
import type { Code, CodeError, CodeState } from '../codes/signup-code.ts';
import type { Queryable } from '../db/database.ts';
import {
  decodeRow,
  displayName,
  type MirrorTable,
  type RowValues,
  selectedColumns,
} from '../mirror/mirror-table.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import { deletedField, type Merged } from './merge.ts';
import { formatVersion, parseVersion, type Version } from './version.ts';

/** A mirrored account: its values, record and signup code. */
export type AccountRow = {
  readonly id: string;
  readonly merged: Merged;
  readonly code: Code;
  /** The version that a read must reach for the account to be no longer stale; null if it is not stale. */
  readonly staleVersion: Version | null;
  /** Version of the read since which the values are unchanged; set while the account has no stored history. */
  readonly historyFrom: Version | null;
  /** Approximate number of stored changes. */
  readonly historyLength: number;
  /** Paths of fields whose text contains a replaced character. */
  readonly replaced: ReadonlySet<string>;
  /** The newest known `SystemModstamp`, epoch milliseconds. */
  readonly modifiedAt: number | null;
  /** The stored columns with a value; empty for a new account. */
  readonly stored: RowValues;
};

/** A row to save. `visible`: the API shows a difference. */
export type SavedRow = AccountRow & { readonly visible: boolean };

/** Reads accounts by id. @returns those that exist */
export async function readAccountRows(
  client: Queryable,
  table: MirrorTable,
  ids: readonly string[],
): Promise<Map<string, AccountRow>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<(string | null)[]>({
    name: `read-accounts-${table.version}`,
    rowMode: 'array',
    types: textTypes,
    text: `select a.id, r.base_version, r.field_versions, r.stale_version, r.history_from, r.history_length,
                  r.replaced_fields, c.code, c.state, c.error, c.replaces, c.write_base, c.written_at,
                  (extract(epoch from c.assigned_at) * 1000)::bigint,
                  (extract(epoch from a.systemmodstamp) * 1000)::bigint, ${selectedColumns(table, 'a')}
             from unnest($1::text[]) i (id)
             join ${table.sql} a on a.id = i.id
             join records r on r.record_id = i.id
             left join signup_codes c on c.account_id = i.id`,
    values: [ids],
  });
  return new Map(rows.map((row) => [row[0] ?? '', toRow(table, row)]));
}

/** All values as text. */
const textTypes: pg.CustomTypesConfig = { getTypeParser: () => (text: string) => text };

function toRow(table: MirrorTable, row: readonly (string | null)[]): AccountRow {
  const [id, base, versions, stale, from, length, replaced, ...rest] = row;
  const [
    code = null,
    state = null,
    error = null,
    replaces = null,
    writeBase = null,
    writtenAt = null,
    assignedAt = null,
    modified,
  ] = rest;
  const { values, stored } = decodeRow(table, rest.slice(8));
  const codes: readonly string[] = replaces === null ? [] : JSON.parse(replaces);
  return {
    id: id ?? '',
    merged: {
      values,
      baseVersion: parseVersion(base ?? ''),
      fieldVersions: parseFieldVersions(versions ?? '[]'),
    },
    code: {
      signupCode: code,
      state: (state ?? 'none') as CodeState,
      error: error === null ? null : (JSON.parse(error) as CodeError),
      ...(codes.length > 0 && { replaces: codes }),
      ...(state === 'written' &&
        writeBase !== null &&
        writtenAt !== null && { written: { base: parseVersion(writeBase), at: Date.parse(writtenAt) } }),
      ...((state === 'pending' || state === 'written') && { assignedAt: Number(assignedAt) }),
    },
    staleVersion: stale ? parseVersion(stale) : null,
    historyFrom: from ? parseVersion(from) : null,
    historyLength: Number(length),
    replaced: new Set(JSON.parse(replaced ?? '[]') as string[]),
    modifiedAt: modified ? Number(modified) : null,
    stored,
  };
}

/** The versions of fields by path, from their form in `records.field_versions`. */
export function parseFieldVersions(json: string | GroupedVersions): Map<string, Version> {
  const groups: GroupedVersions = typeof json === 'string' ? JSON.parse(json) : json;
  const versions = new Map<string, Version>();
  for (const [text = '', ...paths] of groups) {
    const version = parseVersion(text);
    for (const path of paths) versions.set(path, version);
  }
  return versions;
}

/** Paths by version: `[["<version>", "Phone", "Site"], …]`. */
export type GroupedVersions = readonly (readonly string[])[];

export function groupFieldVersions(versions: ReadonlyMap<string, Version>): GroupedVersions {
  const groups = new Map<string, string[]>();
  for (const [path, version] of versions) {
    const text = formatVersion(version);
    const group = groups.get(text);
    if (group === undefined) groups.set(text, [text, path]);
    else group.push(path);
  }
  return [...groups.values()];
}

/** Values at the top level of an account in the API. */
export type Projections = {
  readonly name: string | null;
  readonly account_number: string | null;
  readonly salesforce_code: string | null;
  readonly created_at: string | null;
  readonly modified_at: string | null;
  readonly deleted: boolean;
};

export function projectionsOf({ values }: Merged, codeField: string): Projections {
  return {
    name: displayName(values),
    account_number: textOf(values.get('AccountNumber')),
    salesforce_code: textOf(values.get(codeField)),
    created_at: timeOf(values.get('CreatedDate')),
    modified_at: timeOf(values.get('LastModifiedDate')),
    deleted: values.get(deletedField) === true,
  };
}

/** Null unless it is a time of the years 1 to 9999: PostgreSQL does not parse the ISO format of other years. */
function timeOf(value: Scalar | undefined): string | null {
  const time = new Date(textOf(value) ?? '');
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999 ? time.toISOString() : null;
}

function textOf(value: Scalar | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}
