// A second signal sooner than this is the same Ctrl-C: npm passes on what the terminal has sent us already.
const sameSignalMs = 1_000;

/**
 * Ends the process in order on SIGINT or SIGTERM: `stop` first, exit code 0. A further signal, or `limitMs` without an
 * end, ends it at once with exit code 1.
 */
export function stopOnSignal(
  stop: (signal: NodeJS.Signals) => Promise<void>,
  limitMs: number,
  onForced: (why: string) => void,
): void {
  let startedAt: number | undefined;
  const force = (why: string): void => {
    onForced(why);
    process.exit(1);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    if (startedAt !== undefined) {
      if (Date.now() - startedAt > sameSignalMs) force(`a second ${signal}`);
      return;
    }
    startedAt = Date.now();
    setTimeout(() => force(`not done after ${limitMs} ms`), limitMs).unref();
    stop(signal).then(
      () => process.exit(0),
      (error: Error) => force(error.message),
    );
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
}
