// Hot statements: hand-written.
import { deletedField } from '../apply/merge.ts';
import { formatVersion, readVersion, type Version } from '../apply/version.ts';
import type { ValueLookup } from '../codes/code-filter.ts';
import { heldCode } from '../codes/code-knowledge.ts';
import { readOwners } from '../codes/code-ownership.ts';
import { type CodeRules, isEligible, isNew, matchesFilter } from '../codes/code-rules.ts';
import { type Code, decideCode, noCode } from '../codes/signup-code.ts';
import { type Queryable, sentTogether, slices } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { accountObject } from '../mirror/load-mirror.ts';
import type { MirrorTable } from '../mirror/mirror-table.ts';
import type { AccountRead } from '../salesforce/records.ts';
import { readEncoder } from './insert-values.ts';
import type { Snapshot } from './snapshot.ts';

export type InsertedReads = {
  readonly ids: ReadonlySet<string>;
  /** Those whose code has to be written to Salesforce. */
  readonly writeBacks: readonly string[];
};

export const noneInserted: InsertedReads = { ids: new Set(), writeBacks: [] };

/**
 * Inserts the accounts of complete reads that the mirror does not have, as merging them would, without planning and
 * reading them: most of an initial load. Requires the lock on account writes. The caller merges the others: accounts that
 * exist, texts that PostgreSQL cannot store, and all of them if two accounts have the same code.
 */
export async function insertNewReads(
  client: Queryable,
  table: MirrorTable,
  codes: CodeRules,
  snapshot: Snapshot,
  reads: readonly AccountRead[],
): Promise<InsertedReads> {
  const known = await readKnownIds(client, table, reads);
  if (known.size === reads.length) return noneInserted;
  const at = new Date().toISOString();
  const lookUp = valueLookup(snapshot);
  const accounts = reads.flatMap((read): NewAccount[] => {
    if (known.has(read.id)) return [];
    const version = readVersion(read.systemModstamp, snapshot.watermark, snapshot.readAt);
    return [{ read, id: read.id, version, ...firstCode(codes, read, version, lookUp(read), at) }];
  });
  const held = reads.flatMap((read) => heldCode({ values: lookUp(read) }, codes.field) ?? []);
  if (accounts.length === 0 || new Set(held).size < held.length) return noneInserted;
  if ((await readOwners(client, accounts)).length > 0) return noneInserted;
  const encode = readEncoder(table, snapshot);
  const sent: Promise<unknown>[] = [];
  const inserted: NewAccount[] = [];
  // PostgreSQL inserts a part while the next one is encoded.
  for (const part of slices(accounts, partSize)) {
    const { ids, send } = encode(part.map(({ read }) => read));
    const stored = part.filter(({ id }) => ids.has(id));
    sent.push(
      ...send(client),
      client.query({
        name: 'insert-read-records',
        text: insertRecordsSql,
        values: [storableJson(stored.map(recordOf))],
      }),
    );
    inserted.push(...stored);
  }
  await sentTogether(sent);
  return {
    ids: new Set(inserted.map(({ id }) => id)),
    writeBacks: inserted.flatMap(({ id, read, code }) =>
      code.state === 'pending' && !read.deleted ? [id] : [],
    ),
  };
}

const partSize = 250;

const insertRecordsSql = `
  with page as materialized (
    select * from json_to_recordset($1::json) as t (id text, version text, code text, state text, due_at timestamptz)
  ), queued as (
    insert into account_text_queue (account_id) select id from page
  ), coded as (
    insert into signup_codes (account_id, code, state, due_at) select id, code, state, due_at from page
  )
  insert into records (record_id, object, base_version, field_versions, version, history_from, synced_at, changed_at)
  select id, '${accountObject}', version, '[]', version, version, clock_timestamp(), clock_timestamp() from page`;

type NewAccount = {
  readonly id: string;
  readonly read: AccountRead;
  readonly version: Version;
  readonly code: Code;
  readonly isFirst: boolean;
};

function recordOf({ id, version, code, isFirst }: NewAccount): object {
  const { signupCode, state } = code;
  return { id, version: formatVersion(version), code: signupCode, state, due_at: isFirst ? 'epoch' : 'now' };
}

/** The ids that a table already has, and those that occur twice. */
async function readKnownIds(
  client: Queryable,
  table: MirrorTable,
  reads: readonly AccountRead[],
): Promise<ReadonlySet<string>> {
  const ids = reads.map(({ id }) => id);
  const { rows } = await client.query<{ id: string }>({
    name: `known-accounts-${table.version}`,
    text: `select id from ${table.sql} where id = any($1::text[])
           union select record_id from records where record_id = any($1::text[])
           union select account_id from signup_codes where account_id = any($1::text[])`,
    values: [ids],
  });
  const known = new Set(rows.map(({ id }) => id));
  const seen = new Set<string>();
  for (const id of ids) {
    if (seen.has(id)) known.add(id);
    seen.add(id);
  }
  return known;
}

/** The values of a read by path. */
function valueLookup({ plan: { paths } }: Snapshot): (read: AccountRead) => ValueLookup {
  const indexes = new Map(paths.map((path, index) => [path, index]));
  return ({ scalars, deleted }) => ({
    get: (path) => (path === deletedField ? deleted : scalars[indexes.get(path) ?? -1]),
  });
}

/** The code of an account that the mirror does not have. */
function firstCode(
  codes: CodeRules,
  { deleted }: AccountRead,
  baseVersion: Version,
  values: ValueLookup,
  at: string,
): Pick<NewAccount, 'code' | 'isFirst'> {
  const account = { baseVersion, values };
  const situation = {
    before: noCode,
    heldBefore: null,
    held: heldCode(account, codes.field),
    knowledge: { by: 'read', version: baseVersion },
    deleted,
    eligible: isEligible(codes, account) && matchesFilter(codes, account),
    restore: codes.restore,
    at,
  } as const;
  return { code: decideCode(situation, codes.generate), isFirst: isNew(codes, account) };
}
