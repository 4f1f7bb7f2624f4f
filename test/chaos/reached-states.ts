import type { CrashWorld } from './crash-world.ts';

/** States that only faults lead to, and how often the run reached them: a run without them has tested nothing. */
export async function reachedStates({ service, postgres }: CrashWorld): Promise<Map<string, number>> {
  const lines = service
    .output()
    .split('\n')
    .flatMap((line) => parseLine(line));
  const count = (holds: (line: LogLine) => boolean): number => lines.filter(holds).length;
  const [rows] = await postgres.rows<{ holes: string; retried: string }>(
    `select (select count(*) from incidents where state = 'closed') as holes,
            (select count(*) from write_back_attempts where outcome in ('again', 'unanswered')) as retried`,
  );
  return new Map([
    [
      'a duplicate was dropped',
      count(({ msg, received = 0, stored = 0 }) => msg === 'events stored' && stored < received),
    ],
    ['the stream was opened again', count(({ msg = '' }) => /^stream (ended|disconnected)/.test(msg))],
    [
      'database connection lost',
      count(({ msg = '' }) =>
        /^(a database connection broke|database connection lost|database disconnected)/.test(msg),
      ),
    ],
    [
      'wake-ups were listened for again',
      count(({ msg = '' }) => /^database (reconnected|connection lost and reopened)/.test(msg)),
    ],
    ['applying was tried again', count(({ msg = '' }) => msg.startsWith('stored changes cannot be applied'))],
    ['a write-back was retried', Number(rows?.retried ?? 0)],
    ['a hole was opened and closed', Number(rows?.holes ?? 0)],
    [
      'a start waited for the database',
      count(({ msg = '' }) => msg.startsWith('database unreachable at startup')),
    ],
  ]);
}

function parseLine(line: string): LogLine[] {
  if (!line.startsWith('{')) return [];
  try {
    return [JSON.parse(line) as LogLine];
  } catch {
    // Cut off by a kill.
    return [];
  }
}

type LogLine = { readonly msg?: string; readonly received?: number; readonly stored?: number };
