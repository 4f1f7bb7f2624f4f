import { pino } from 'pino';
import { buildApp } from './app.ts';
import { loadConfig } from './config.ts';
import { provideDefaults } from './embedded-defaults.ts';
import { stopOnSignal } from './signals.ts';
import { startFailure } from './start-failure.ts';
import { waitUntilLoaded, welcome } from './welcome.ts';

const shutdownLimitMs = 9_500;
const running: (() => Promise<void>)[] = [];

async function stop(): Promise<void> {
  for (const stopOne of running.splice(0).reverse()) await stopOne();
}

stopOnSignal(stop, shutdownLimitMs, (why) => process.stderr.write(`Tidemark was ended at once: ${why}\n`));

try {
  const config = loadConfig(process.env);
  const logger = pino({ level: config.logLevel });
  const provided = await provideDefaults(config);
  running.push(provided.stop);
  const app = await buildApp({
    ...config,
    databaseUrl: provided.databaseUrl,
    org: { ...provided.salesforce, apiVersion: config.salesforceApiVersion },
    apiKeys: provided.apiKeys,
    logger,
  });
  running.push(() => app.close());
  const address = config.roles.has('api')
    ? await app.listen({ host: config.host, port: config.port })
    : await app.ready().then(() => undefined);
  if (provided.sandbox !== undefined && address !== undefined) {
    await waitUntilLoaded(address);
    process.stdout.write(welcome(address, provided, config.salesforceApiVersion));
  }
} catch (error) {
  await stop().catch(() => {});
  process.stderr.write(`${startFailure(error)}\n`);
  process.exit(1);
}
