/**
 * Shuts down gracefully with exit code 1 after an uncaught error: the state of the process is unknown, and the next
 * start continues from the database.
 * @param onError receives the first error; errors during the shutdown are ignored
 */
export function stopOnFatalError(
  stop: () => Promise<void>,
  timeoutMs: number,
  onError: (error: Error) => void,
): void {
  let isStopping = false;
  // Includes unhandled rejections.
  process.on('uncaughtException', (error) => {
    if (isStopping) return;
    isStopping = true;
    process.exitCode = 1;
    onError(error);
    const end = (): never => process.exit(1);
    setTimeout(end, timeoutMs).unref();
    stop().then(end, end);
  });
}
