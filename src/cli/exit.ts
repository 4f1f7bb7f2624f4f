export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  different: 3,
  down: 4,
  unconfirmed: 5,
  cancelled: 130,
} as const;

/** Ends the command with a one-line message. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}
