import { setTimeout as pause } from 'node:timers/promises';
import { pino } from 'pino';
import { buildApp } from './app.ts';
import { type Config, loadConfig } from './config/config.ts';
import { secretPaths } from './http/plugins/request-log.ts';
import { banner, waitUntilLoaded } from './start/banner.ts';
import { checkAddress } from './start/data-dir.ts';
import { type Provided, provideDefaults } from './start/embedded-defaults.ts';
import { stopOnOwnFault } from './start/fatal-handler.ts';
import { stopOnSignal } from './start/signals.ts';
import { startFailure } from './start/startup-error.ts';

const shutdownLimitMs = 9_500;
const running: (() => Promise<void>)[] = [];
const stopping = new AbortController();
const stoppedEarly = new Error('asked to stop before it was started');
let asked = false;
let stopped: Promise<void> | undefined;

const starting = start();
const stopInOrder = async (signal?: NodeJS.Signals): Promise<void> => {
  // What is half started can't be stopped: the step that is under way is ended first, and no further one begun.
  asked = true;
  // A step that takes too long is left behind: a start that is ended loses nothing.
  const config = await Promise.race([
    starting.then((started) => started.config).catch(() => undefined),
    pause(5_000, undefined, { ref: false }),
  ]);
  stopping.abort();
  // A load balancer has to see that it is not ready any more; a person at a terminal is not kept waiting.
  if (signal === 'SIGTERM' && config?.roles.has('api')) await pause(config.drainMs);
  await stop();
};
stopOnSignal(stopInOrder, shutdownLimitMs, (why) =>
  process.stderr.write(`Tidemark was ended at once: ${why}\n`),
);
stopOnOwnFault(
  () => stopInOrder(),
  shutdownLimitMs,
  (error) => pino().fatal({ err: error }, 'a fault of Tidemark itself: it ends'),
);

try {
  const { config, provided, address } = await starting;
  if (provided.simulator !== undefined && address !== undefined) {
    await waitUntilLoaded(address);
    process.stdout.write(banner(address, provided, config.salesforceApiVersion));
  }
} catch (error) {
  if (error !== stoppedEarly && !stopping.signal.aborted) await fail(error);
}

async function fail(error: unknown): Promise<never> {
  await stop().catch(() => {});
  process.stderr.write(`${startFailure(error)}\n`);
  process.exit(1);
}

async function start(): Promise<{ config: Config; provided: Provided; address: string | undefined }> {
  const config = loadConfig(process.env);
  const serves = config.roles.has('api');
  if (serves) await checkAddress(config.host, config.port);
  const provided = await provideDefaults(config);
  running.push(provided.stop);
  if (asked) throw stoppedEarly;
  const app = await buildApp({
    ...config,
    databaseUrl: provided.databaseUrl,
    org: {
      ...provided.salesforce,
      apiVersion: config.salesforceApiVersion,
      reservePercent: config.apiReservePercent,
    },
    apiKeys: provided.apiKeys,
    stopping: stopping.signal,
    logger: pino({ level: config.logLevel, redact: [...secretPaths] }),
  });
  running.push(() => app.close());
  if (asked) throw stoppedEarly;
  if (serves)
    return { config, provided, address: await app.listen({ host: config.host, port: config.port }) };
  await app.ready();
  return { config, provided, address: undefined };
}

/** Once, whoever asks: a start that failed and a signal wait for the same end. */
function stop(): Promise<void> {
  stopped ??= (async () => {
    for (const stopOne of running.splice(0).reverse()) await stopOne();
  })();
  return stopped;
}
