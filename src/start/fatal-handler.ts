/**
 * Ends the process in order, with exit code 1, when something is thrown that nobody catches: what was under way is
 * stopped, since nothing can be said of its state any more, and the next start goes on from the database.
 * @param onFault hears of the first one; those that follow from it while the process ends are not told
 */
export function stopOnOwnFault(
  stop: () => Promise<void>,
  limitMs: number,
  onFault: (error: Error) => void,
): void {
  let ending = false;
  // Rejections that nobody handles arrive here too.
  process.on('uncaughtException', (error) => {
    if (ending) return;
    ending = true;
    process.exitCode = 1;
    onFault(error);
    const end = (): never => process.exit(1);
    setTimeout(end, limitMs).unref();
    stop().then(end, end);
  });
}
