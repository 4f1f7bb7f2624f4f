// Hot statements: hand-written.
import type pg from 'pg';
import { formatVersion, isReadVersion, parseVersion } from '../apply/version.ts';
import { markChangedAccounts } from '../codes/changed-codes.ts';
import type { Knowledge, Written } from '../codes/code-knowledge.ts';
import type { CodeError, CodeState } from '../codes/signup-code.ts';
import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { CodeWrite } from '../salesforce/signup-codes.ts';
import type { DueCount } from './collect-batch.ts';
import type { AttemptOutcome, WaitingCode } from './judge-result.ts';

/** A pending code, and the codes that it may overwrite. */
export type DueCode = WaitingCode & { readonly replaces: readonly string[] };

const due = `from signup_codes c join accounts a on a.id = c.account_id
  where c.state = 'pending' and not a.deleted and c.due_at <= now() and c.code is not null`;
const dueColumns = 'c.account_id as id, c.code, c.tries, c.refusals, c.replaces';

/** The codes to send next. */
export type DueCodes = DueCount & {
  readonly codes: readonly DueCode[];
  /** Milliseconds until a further code is due, one minute at most; null if none is waiting. */
  readonly nextDueMs: number | null;
};

/** Reads the codes to send next: those of new accounts first, then by waiting time. */
export async function readDueCodes(client: Queryable, topic: string, limit: number): Promise<DueCodes> {
  const { rows } = await client.query<
    Pick<DueCodes, 'more' | 'nextDueMs'> & (DueCode | Record<keyof DueCode, null>)
  >({
    name: 'read-due-codes',
    text: `select w.more, w."nextDueMs", d.id, d.code, d.tries, d.refusals, d.replaces
             from (select exists (select from event_queue where topic = $2) as more,
                          (select ceil(least(extract(epoch from min(due_at) - now()), 60) * 1000)::int
                             from signup_codes where state = 'pending' and due_at > now()) as "nextDueMs") w
             left join lateral (
               select ${dueColumns}, c.due_at ${due} order by c.due_at, c.account_id limit $1) d on true
            order by d.due_at, d.id`,
    values: [limit, topic],
  });
  const codes = rows.flatMap(({ more: _, nextDueMs: __, ...row }) => (row.id === null ? [] : [row]));
  const { more = false, nextDueMs = null } = rows[0] ?? {};
  return { codes, count: codes.length, more, nextDueMs };
}

/** Reads the codes of these accounts that are still due, ordered by id. */
export async function readDueCodesOf(client: Queryable, ids: readonly string[]): Promise<DueCode[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<DueCode>({
    name: 'read-due-codes-of',
    text: `select ${dueColumns} ${due} and c.account_id = any($1::text[]) order by c.account_id`,
    values: [ids],
  });
  return rows;
}

/**
 * Stores an attempt for each code before it is sent.
 * @returns the codes that are still pending; the state of an account can have changed since it was selected
 */
export async function beginAttempts(client: Queryable, writes: readonly CodeWrite[]): Promise<SentCode[]> {
  const { rows } = await client.query<SentCode>({
    name: 'begin-attempts',
    text: `insert into write_back_attempts (account_id, code)
           select c.account_id, c.code from signup_codes c join accounts a on a.id = c.account_id
             join unnest($1::text[], $2::text[]) as w (id, code) on c.account_id = w.id and c.code = w.code
            where c.state = 'pending' and not a.deleted
           returning account_id as id, code, id::text as attempt`,
    values: [writes.map(({ id }) => id), writes.map(({ code }) => code)],
  });
  return rows;
}

/** A code that was sent, and the id of its row in `write_back_attempts`. */
export type SentCode = CodeWrite & { readonly attempt: string };

/** Marks attempts whose result is unknown. The codes stay pending and are sent again. */
export async function markUnanswered(
  client: Queryable,
  sent: readonly SentCode[],
  error: CodeError,
): Promise<void> {
  await client.query({
    name: 'leave-attempts-unanswered',
    text: `update write_back_attempts set outcome = 'unanswered', answered_at = now(), error = $2
            where id = any($1::bigint[])`,
    values: [sent.map(({ attempt }) => attempt), storableJson(error)],
  });
}

/** Stores the outcomes of attempts. */
export async function closeAttempts(
  client: Queryable,
  sent: readonly SentCode[],
  outcomes: readonly Pick<AttemptOutcome, 'outcome' | 'error'>[],
): Promise<void> {
  await client.query({
    name: 'close-attempts',
    text: `update write_back_attempts t set outcome = o.outcome, error = o.error, answered_at = now()
             from unnest($1::bigint[], $2::text[], $3::jsonb[]) as o (id, outcome, error) where t.id = o.id`,
    values: [
      sent.map(({ attempt }) => attempt),
      outcomes.map(({ outcome }) => outcome),
      outcomes.map(({ error }) => (error === null ? null : storableJson(error))),
    ],
  });
}

/** Stores outcomes of accounts for which nothing was sent. */
export async function saveFindings(client: Queryable, findings: readonly Finding[]): Promise<void> {
  if (findings.length === 0) return;
  await client.query({
    name: 'save-findings',
    text: `insert into write_back_attempts (account_id, code, answered_at, outcome, error)
           select id, code, now(), outcome, error
             from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) as f (id, code, outcome, error)`,
    values: [
      findings.map(({ id }) => id),
      findings.map(({ code }) => code),
      findings.map(({ outcome }) => outcome),
      findings.map(({ error }) => (error === null ? null : storableJson(error))),
    ],
  });
}

export type Finding = CodeWrite & {
  readonly outcome: 'held' | 'gone' | 'replaced';
  readonly error: CodeError | null;
};

/** A pending code, and what the mirror knows of the field. */
export type LockedCode = DueCode & {
  readonly held: string | null;
  readonly knowledge: Exclude<Knowledge, { by: 'none' }>;
};

/** Reads the codes of these accounts that are pending. */
export async function readWaitingCodes(
  client: pg.PoolClient,
  ids: readonly string[],
  field: string,
): Promise<Map<string, LockedCode>> {
  const { rows } = await client.query<DueCode & { held: string | null; version: string; named: boolean }>({
    name: 'read-waiting-codes',
    text: `select ${dueColumns}, nullif(a.salesforce_code, '') as held, coalesce(v.version, a.base_version) as version,
                  v.version is not null as named
             from signup_codes c join accounts a on a.id = c.account_id
             left join lateral (select g.versions ->> 0 as version
                                  from records r cross join jsonb_array_elements(r.field_versions) g (versions)
                                 where r.record_id = c.account_id and (g.versions - 0) ? $2) v on true
            where c.account_id = any($1::text[]) and c.state = 'pending' and c.code is not null
            order by c.account_id`,
    values: [ids, field],
  });
  return new Map(
    rows.map(({ held, version: text, named, ...waiting }) => {
      const version = parseVersion(text);
      const by = isReadVersion(version) ? 'read' : named ? 'event' : 'record';
      return [waiting.id, { ...waiting, held, knowledge: { by, version } }];
    }),
  );
}

/** An outcome as it is saved: a change event can have cleared a written code in the meantime. */
export type SavedOutcome = Omit<AttemptOutcome, 'state' | 'code'> & {
  readonly state: CodeState;
  readonly code: string | null;
  readonly written?: Written;
};

/** Saves outcomes of accounts whose code is still the one that was sent and still pending. */
export async function saveOutcomes(client: Queryable, outcomes: readonly SavedOutcome[]): Promise<void> {
  if (outcomes.length === 0) return;
  await client.query({
    name: 'save-outcomes',
    text: `with changed as (update signup_codes c
              set state = v.state, code = v.code, error = v.error, tries = v.tries, refusals = v.refusals,
                  due_at = now() + v.due_ms * interval '1 millisecond', attempts = c.attempts + 1, attempted_at = now(),
                  write_base = coalesce(v.write_base, c.write_base),
                  written_at = coalesce(v.written_at, c.written_at)
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::int[], $7::int[], $8::int[],
                         $9::text[], $10::timestamptz[])
               as v (id, sent, state, code, error, tries, refusals, due_ms, write_base, written_at)
            where c.account_id = v.id and c.code = v.sent and c.state = 'pending'
           returning c.account_id), ${markChangedAccounts} select from changed`,
    values: [
      outcomes.map(({ id }) => id),
      outcomes.map(({ sent }) => sent),
      outcomes.map(({ state }) => state),
      outcomes.map(({ code }) => code),
      outcomes.map(({ error }) => (error === null ? null : storableJson(error))),
      outcomes.map(({ tries }) => tries),
      outcomes.map(({ refusals }) => refusals),
      outcomes.map(({ dueInMs }) => dueInMs),
      outcomes.map(({ written }) => (written === undefined ? null : formatVersion(written.base))),
      outcomes.map(({ written }) => (written === undefined ? null : new Date(written.at).toISOString())),
    ],
  });
}
