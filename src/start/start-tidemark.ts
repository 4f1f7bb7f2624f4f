import { type Config, loadConfig } from '../config/config.ts';
import { validateListenAddress } from './data-dir.ts';
import { type Provided, provideDefaults } from './embedded-defaults.ts';
import { createLogger } from './logger.ts';

export type StartOptions = {
  /** Receives what has to be stopped, in the order of the start, also if the start fails. */
  readonly running: (() => Promise<void>)[];
  /** Aborted at the start of a graceful shutdown. */
  readonly stopping: AbortSignal;
  /** Whether a shutdown was requested: the start then ends after its current step. */
  readonly isStopping: () => boolean;
};

export type Started = {
  readonly config: Config;
  readonly provided: Provided;
  /** Undefined if the process does not serve the API. */
  readonly address: string | undefined;
};

export class StoppedEarlyError extends Error {
  override readonly name = 'StoppedEarlyError';
  constructor() {
    super('stopped before the start was complete');
  }
}

/**
 * Starts the service and its embedded defaults in this process.
 * @throws errors that `describeStartupError` describes, and StoppedEarlyError
 */
export async function startTidemark(
  environment: NodeJS.ProcessEnv,
  { running, stopping, isStopping }: StartOptions,
): Promise<Started> {
  const checkStopping = (): void => {
    if (isStopping()) throw new StoppedEarlyError();
  };
  const config = loadConfig(environment);
  const serves = config.roles.has('api');
  if (serves) await validateListenAddress(config.host, config.port);
  const logger = createLogger(config);
  const provided = await provideDefaults(config, logger);
  running.push(provided.stop);
  checkStopping();
  // Imported late: most of a start is the import, and an invalid setting is reported without it.
  const { buildApp } = await import('../app.ts');
  checkStopping();
  const app = await buildApp({
    ...config,
    databaseUrl: provided.databaseUrl,
    org: {
      ...provided.salesforce,
      apiVersion: config.salesforceApiVersion,
      reservePercent: config.apiReservePercent,
    },
    apiKeys: provided.apiKeys,
    ...(provided.simulator && { simulatorUrl: provided.simulator.instanceUrl }),
    stopping,
    logger,
  });
  running.push(() => app.close());
  checkStopping();
  if (serves)
    return { config, provided, address: await app.listen({ host: config.host, port: config.port }) };
  await app.ready();
  return { config, provided, address: undefined };
}
