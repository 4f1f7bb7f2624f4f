import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { problemMessage } from '../health/problem.ts';
import type { Verdict } from '../health/verdict.ts';

/** A reason of a verdict, as `GET /v1/status` shows it. */
export type HealthReason = {
  readonly code: string;
  readonly message: string;
  readonly since: string | null;
  readonly action: string;
};

export function healthReasons({ problems }: Verdict): HealthReason[] {
  return problems.map((problem) => ({
    code: problem.code,
    message: problemMessage(problem),
    since: problem.since?.toISOString() ?? null,
    action: problem.action,
  }));
}

// Another leader may have saved another one since.
const maxAgeMs = 60_000;

/** Returns a function that saves the verdict if it has changed. An unchanged one is compared with the newest row once a minute. */
export function createHealthRecorder(client: Queryable): (verdict: Verdict) => Promise<void> {
  let saved = '';
  let savedAt = 0;
  return async (verdict) => {
    const { health, problems } = verdict;
    const current = [health, ...new Set(problems.map(({ code }) => code))].sort().join(' ');
    if (current === saved && Date.now() - savedAt < maxAgeMs) return;
    await saveHealth(client, verdict);
    [saved, savedAt] = [current, Date.now()];
  };
}

/** Inserts a row if the health or the codes of its reasons differ from the newest row. */
async function saveHealth(client: Queryable, verdict: Verdict): Promise<void> {
  await client.query({
    name: 'save-health',
    text: `insert into health_changes (health, reasons)
           select $1::text, $2::jsonb
            where $1::text || ${codesOf('$2::jsonb')} is distinct from
                  (select health || ${codesOf('reasons')} from health_changes order by id desc limit 1)`,
    values: [verdict.health, storableJson(healthReasons(verdict))],
  });
}

/** SQL: the sorted codes of reasons, as text. */
function codesOf(reasons: string): string {
  return `(select coalesce(string_agg(distinct ' ' || (r ->> 'code'), ''), '') from jsonb_array_elements(${reasons}) r)`;
}
