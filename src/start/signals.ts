// An earlier second signal belongs to the same Ctrl-C: npm forwards the signal that the terminal has already sent.
const sameSignalMs = 1_000;

/**
 * Graceful shutdown on SIGINT or SIGTERM: calls `stop`, then exits with code 0. After a second signal or the timeout, the
 * process exits immediately with code 1.
 */
export function stopOnSignal(
  stop: (signal: NodeJS.Signals) => Promise<void>,
  timeoutMs: number,
  onForced: (reason: string) => void,
): void {
  let startedAt: number | undefined;
  const force = (reason: string): void => {
    onForced(reason);
    process.exit(1);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (startedAt !== undefined) {
      if (Date.now() - startedAt > sameSignalMs) force(`a second ${signal}`);
      return;
    }
    startedAt = Date.now();
    setTimeout(() => force(`not finished after ${timeoutMs} ms`), timeoutMs).unref();
    stop(signal).then(
      () => process.exit(0),
      (error: Error) => force(error.message),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
