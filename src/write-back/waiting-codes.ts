import type pg from 'pg';
import { formatVersion, isReadVersion, parseVersion } from '../apply/version.ts';
import type { Knowledge, Written } from '../codes/code-knowledge.ts';
import type { CodeError, CodeState } from '../codes/signup-code.ts';
import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { CodeWrite } from '../salesforce/signup-codes.ts';
import type { DueCount } from './collect-batch.ts';
import type { AttemptOutcome, WaitingCode } from './judge-result.ts';

/** A pending code, and the codes that it may overwrite. */
export type DueCode = WaitingCode & { readonly replaces: readonly string[] };

const due = `code_state = 'pending' and not deleted and code_due_at <= now()`;

/** Reads the codes to send next: those of new accounts first, then by waiting time. */
export async function readDueCodes(client: Queryable, limit: number): Promise<DueCode[]> {
  const { rows } = await client.query<DueCode>({
    name: 'read-due-codes',
    text: `select id, signup_code as code, code_tries as tries, code_refusals as refusals, code_replaces as replaces
             from accounts where ${due} and signup_code is not null order by code_due_at, id limit $1`,
    values: [limit],
  });
  return rows;
}

/** Reads the codes of these accounts that are still due, ordered by id. */
export async function readDueCodesOf(client: Queryable, ids: readonly string[]): Promise<DueCode[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<DueCode>({
    name: 'read-due-codes-of',
    text: `select id, signup_code as code, code_tries as tries, code_refusals as refusals, code_replaces as replaces
             from accounts where ${due} and signup_code is not null and id = any($1::text[]) order by id`,
    values: [ids],
  });
  return rows;
}

/** Counts the codes that are due, up to `limit`. */
export async function countDueCodes(client: Queryable, topic: string, limit: number): Promise<DueCount> {
  const { rows } = await client.query<DueCount>({
    name: 'count-due-codes',
    text: `select (select count(*)::int from (select from accounts where ${due} limit $1) d) as count,
                  exists (select from event_queue where topic = $2) as more`,
    values: [limit, topic],
  });
  return rows[0] ?? { count: 0, more: false };
}

/**
 * Stores an attempt for each code before it is sent.
 * @returns the codes that are still pending; the state of an account can have changed since it was selected
 */
export async function beginAttempts(client: Queryable, writes: readonly CodeWrite[]): Promise<SentCode[]> {
  const { rows } = await client.query<SentCode>({
    name: 'begin-attempts',
    text: `insert into write_back_attempts (account_id, code)
           select a.id, a.signup_code from accounts a join unnest($1::text[], $2::text[]) as w (id, code)
               on a.id = w.id and a.signup_code = w.code
            where a.code_state = 'pending' and not a.deleted
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

/** Locks the accounts whose codes are pending and reads them. */
export async function lockWaitingCodes(
  client: pg.PoolClient,
  ids: readonly string[],
  field: string,
): Promise<Map<string, LockedCode>> {
  const { rows } = await client.query<DueCode & { held: string | null; version: string; named: boolean }>({
    name: 'lock-waiting-codes',
    text: `select id, signup_code as code, code_tries as tries, code_refusals as refusals, code_replaces as replaces,
                  nullif(salesforce_code, '') as held, coalesce(field_versions ->> $2, base_version) as version,
                  field_versions ? $2 as named
             from accounts where id = any($1::text[]) and code_state = 'pending' and signup_code is not null
            order by id for update`,
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
    text: `update accounts a
              set code_state = v.state, signup_code = v.code, code_error = v.error, code_tries = v.tries,
                  code_refusals = v.refusals, code_due_at = now() + v.due_ms * interval '1 millisecond',
                  code_attempts = a.code_attempts + 1, code_attempted_at = now(),
                  code_write_base = coalesce(v.write_base, a.code_write_base),
                  code_written_at = coalesce(v.written_at, a.code_written_at),
                  changed_at = now(), revision = a.revision + 1
             from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::int[], $7::int[], $8::int[],
                         $9::text[], $10::timestamptz[])
               as v (id, sent, state, code, error, tries, refusals, due_ms, write_base, written_at)
            where a.id = v.id and a.signup_code = v.sent and a.code_state = 'pending'`,
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
