import { setTimeout as pause } from 'node:timers/promises';
import { banner, waitUntilLoaded } from './banner.ts';
import { stopOnFatalError } from './fatal-handler.ts';
import { createLogger } from './logger.ts';
import { stopOnSignal } from './signals.ts';
import { StoppedEarlyError, startTidemark } from './start-tidemark.ts';
import { describeStartupError } from './startup-error.ts';

const shutdownTimeoutMs = 9_500;

/** Runs the service in this process until a signal. An error during the start ends the process with exit code 1. */
export async function runTidemark(environment: NodeJS.ProcessEnv): Promise<void> {
  const running: (() => Promise<void>)[] = [];
  const stopping = new AbortController();
  let asked = false;
  let stopped: Promise<void> | undefined;

  /** Idempotent: a failed start and a signal wait for the same shutdown. */
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      for (const stopOne of running.splice(0).reverse()) await stopOne();
    })();
    return stopped;
  };

  const starting = startTidemark(environment, {
    running,
    stopping: stopping.signal,
    isStopping: () => asked,
  });
  const stopInOrder = async (signal?: NodeJS.Signals): Promise<void> => {
    // Wait for the current step of the start: a step cannot be stopped halfway.
    asked = true;
    // Do not wait longer for a step: an aborted start loses no data.
    const config = await Promise.race([
      starting.then((started) => started.config).catch(() => undefined),
      pause(5_000, undefined, { ref: false }),
    ]);
    stopping.abort();
    // Give the load balancer time to see that the process is not ready. Ctrl-C sends SIGINT and does not wait.
    if (signal === 'SIGTERM' && config?.roles.has('api')) await pause(config.drainMs);
    await stop();
  };
  stopOnSignal(stopInOrder, shutdownTimeoutMs, (reason) =>
    process.stderr.write(`Tidemark was terminated: ${reason}\n`),
  );
  stopOnFatalError(
    () => stopInOrder(),
    shutdownTimeoutMs,
    (error) =>
      createLogger({ logLevel: 'fatal', logFormat: 'auto' }).fatal(
        { err: error },
        'uncaught error; shutting down',
      ),
  );

  try {
    const { config, provided, address } = await starting;
    if (provided.simulator !== undefined && address !== undefined) {
      await waitUntilLoaded(address);
      process.stdout.write(banner(address, provided, config.salesforceApiVersion));
    }
  } catch (error) {
    if (!(error instanceof StoppedEarlyError) && !stopping.signal.aborted) {
      await stop().catch(() => {});
      process.stderr.write(`${describeStartupError(error)}\n`);
      process.exit(1);
    }
  }
}
