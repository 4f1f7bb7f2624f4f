import type { InitialLoadFacts, StoredFacts } from './facts.ts';
import { down, type Problem } from './problem.ts';

/**
 * Why the initial load is not complete.
 * @param isBlocked whether another reported problem prevents the load
 */
export function loadProblems(stored: StoredFacts, isBlocked: boolean): Problem[] {
  const { subscription, initialLoad: load, incidents } = stored;
  if (subscription === null || subscription.loadedAt !== null) return [];
  const refused = incidents.find(({ cause }) => cause === 'failed record');
  const isOver = load !== null && (load.state === 'failed' || load.state === 'done');
  const about =
    refused !== undefined && isOver && load.cause === null
      ? withoutRefusedRecords
      : load?.error != null
        ? failedLoad(load)
        : loadInProgress(load, isBlocked);
  return [
    down('initial-load', {
      summary: `The initial load is not complete. ${about.summary}`,
      detail: load?.error ?? null,
      since: load?.since ?? null,
      action: about.action,
    }),
  ];
}

type About = { readonly summary: string; readonly action: string };

const withoutRefusedRecords: About = {
  summary: 'Some records cannot be stored.',
  action:
    'Correct these records in Salesforce (GET /v1/incidents names them, with the reason); they are read again every 15 minutes.',
};

function failedLoad({ cause }: InitialLoadFacts): About {
  const action =
    cause === null || cause.action === ''
      ? 'Correct the cause; the load is retried automatically.'
      : cause.action;
  return { summary: 'It failed.', action };
}

function loadInProgress(load: InitialLoadFacts | null, isBlocked: boolean): About {
  if (load === null) {
    const action = isBlocked
      ? 'It starts automatically when the other reasons are resolved.'
      : 'Wait: it starts when Tidemark is connected to Salesforce.';
    return { summary: 'It has not started.', action };
  }
  const expected = load.expected === null ? '' : ` of ${load.expected}`;
  const progress = `${load.read}${expected} records read.`;
  if (load.isWaitingForBudget) {
    return {
      summary: `${progress} It waits for API requests.`,
      action:
        'Wait for the daily API requests of the org to be available again, or lower API_RESERVE_PERCENT.',
    };
  }
  const action = isBlocked
    ? 'It continues automatically when the other reasons are resolved.'
    : 'Wait for it to finish.';
  return { summary: progress, action };
}
