/** Exit codes of every command except `status`, with their meanings. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  different: 3,
  unconfirmed: 4,
  cancelled: 130,
} as const;

/** Exit codes of `status`. Monitoring plugins use the same: OK, WARNING, CRITICAL, UNKNOWN. */
export const statusExitCodes = { healthy: 0, degraded: 1, down: 2, unknown: 3 } as const;

/** The meaning of each exit code, for the help and docs/cli.md. */
export const exitCodeMeanings = {
  status: {
    [statusExitCodes.healthy]: 'healthy',
    [statusExitCodes.degraded]: 'degraded: changes are mirrored, but something needs attention',
    [statusExitCodes.down]: 'down: changes are not being mirrored',
    [statusExitCodes.unknown]: 'unknown: Tidemark cannot be reached, or wrong usage',
  },
  others: {
    [exitCodes.done]: 'done',
    [exitCodes.failed]: 'failed',
    [exitCodes.usage]: 'wrong usage',
    [exitCodes.different]: 'a verification found differences',
    [exitCodes.unconfirmed]: 'a resync needs confirmation',
    [exitCodes.cancelled]: 'cancelled with Ctrl-C',
  },
} as const;

/** Ends the command with a one-line message. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
