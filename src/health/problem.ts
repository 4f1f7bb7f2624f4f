/** Stable: clients and alerts depend on them. docs/runbook.md has an entry for each. */
export const problemCodes = [
  'stream-down',
  'stream-stopped',
  'stream-not-open',
  'no-leader',
  'not-started',
  'initial-load',
  'apply-failing',
  'changes-waiting',
  'catching-up',
  'database-unreachable',
  'database-full',
  'database-read-only',
  'database-locked',
  'database-failed',
  'database-columns-missing',
  'topic-without-account',
  'topic-without-contact',
  'incidents',
  'differences',
  'schema-changed',
  'schema-unchecked',
  'resync-needs-confirmation',
  'comparison-failed',
  'repair-failed',
  'rereads-failing',
  'codes-failed',
  'api-budget',
  'write-back-paused',
  'write-back-waiting',
  'maintenance-failed',
  'replica-unavailable',
  'clock-difference',
] as const;

export type ProblemCode = (typeof problemCodes)[number];

/** A reason why the mirror is not healthy. */
export type Problem = {
  readonly code: ProblemCode;
  readonly severity: 'degraded' | 'down';
  /** In Tidemark's words: public. */
  readonly summary: string;
  /** The message of Salesforce or PostgreSQL; null if there is none. */
  readonly detail: string | null;
  readonly since: Date | null;
  /** What an operator should do. */
  readonly action: string;
};

type Content = Pick<Problem, 'summary' | 'action'> & Partial<Pick<Problem, 'detail' | 'since'>>;

/** Changes are mirrored, but something needs attention. */
export function degraded(code: ProblemCode, content: Content): Problem {
  return { code, severity: 'degraded', detail: null, since: null, ...content };
}

/** Changes are not mirrored. */
export function down(code: ProblemCode, content: Content): Problem {
  return { code, severity: 'down', detail: null, since: null, ...content };
}

/** The message for callers with a key, with that of Salesforce or PostgreSQL. */
export function problemMessage({ summary, detail }: Problem): string {
  return detail === null || detail === '' ? summary : `${summary} ${detail}`;
}

/** The message for everyone. */
function publicMessage({ summary, action }: Problem): string {
  return action === '' ? summary : `${summary} ${action}`;
}

// These prevent an API process from serving reads; the others concern only the process with the stream.
const preventsReads = new Set([
  'database-unreachable',
  'database-columns-missing',
  'not-started',
  'initial-load',
]);

/**
 * The reasons why a process is not ready, a sentence each.
 * @param mirrors whether the process has the role `sync`
 */
export function notReadyReasons(
  { problems }: { readonly problems: readonly Problem[] },
  mirrors: boolean,
): string[] {
  return problems
    .filter(({ severity, code }) => severity === 'down' && (mirrors || preventsReads.has(code)))
    .map(publicMessage);
}
