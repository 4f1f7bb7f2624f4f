#!/usr/bin/env node
import process from 'node:process';
import manifest from '../package.json' with { type: 'json' };
import { exampleRequests } from './http/describe-org.ts';
import { readSettings, SettingError, type SimulatorSettings, usage } from './settings.ts';
import type { Simulator } from './simulator.ts';

/** The command `salesforce-simulator`: one org until a signal. */
try {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings.info === undefined) await run(settings);
  else process.stdout.write(settings.info === 'help' ? usage() : `${manifest.version}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof SettingError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function run(settings: SimulatorSettings): Promise<void> {
  // The other answers of the command do not wait for these.
  const { logVerbosity, setLogVerbosity } = await import('@grpc/grpc-js');
  const { startSimulator } = await import('./simulator.ts');
  setLogVerbosity(logVerbosity.NONE);
  const simulator = await startSimulator(settings).catch((error: unknown) => {
    throw namePort(error, settings);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close());
  if (settings.relay !== undefined) simulator.webhooks.relayEvents(settings.relay);
  if (settings.outboundMessages !== undefined)
    simulator.webhooks.sendOutboundMessages(settings.outboundMessages);
  process.stdout.write(banner(simulator));
}

function banner({ credentials, instanceUrl, org, sessions, ...simulator }: Simulator): string {
  const token = sessions.issue({ userId: org.named.admin.id, neverExpires: true });
  const example = exampleRequests(instanceUrl, token);
  const lines = [
    `Salesforce simulator, org ${simulator.organizationId}, ${org.size} accounts. Nothing in it is real.`,
    '',
    `  REST, OAuth, SOAP  ${instanceUrl}`,
    `  Pub/Sub API        ${simulator.pubsubEndpoint} (${simulator.certificate ? 'TLS, certificate below' : 'plaintext'})`,
    `  control            ${instanceUrl}/simulator`,
    `  client id, secret  ${credentials.clientId}, ${credentials.clientSecret}`,
    `  user, password     ${credentials.username}, ${credentials.password}`,
    '',
    'Create an account:',
    example.create,
    'Query the newest accounts:',
    example.query,
    ...(simulator.certificate ? ['', simulator.certificate] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function namePort(error: unknown, { httpPort, portSources, pubsubPort }: SimulatorSettings): unknown {
  if (!(error instanceof Error && 'port' in error)) return error;
  return error.port === httpPort
    ? new SettingError(`${portSources.http} ${httpPort} is in use`)
    : new SettingError(`${portSources.pubsub} ${pubsubPort} is in use`);
}
