import process from 'node:process';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { exampleRequests } from './http/example-requests.ts';
import { readSettings, SettingError, type SimulatorSettings } from './settings.ts';
import { type Simulator, startSimulator } from './simulator.ts';

/** `npm run simulator`: the simulator alone, until a signal. */
setLogVerbosity(logVerbosity.NONE);
try {
  const settings = readSettings(process.env);
  const simulator = await startSimulator(settings).catch((error: unknown) => {
    throw namingSetting(error, settings);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close());
  const { relay, tell } = settings.webhooks;
  if (relay !== undefined) simulator.webhooks.relay(relay);
  if (tell !== undefined) simulator.webhooks.tell(tell);
  process.stdout.write(greeting(simulator));
} catch (error) {
  process.stderr.write(`${error instanceof SettingError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function greeting({
  credentials,
  instanceUrl,
  org,
  pubsubEndpoint,
  sessions,
  ...simulator
}: Simulator): string {
  const token = sessions.issue({ userId: org.named.admin.id, neverExpires: true });
  const example = exampleRequests(instanceUrl, token);
  const lines = [
    `Salesforce simulator, org ${simulator.organizationId}, ${org.size} accounts. Nothing in it is real.`,
    '',
    `  REST, OAuth, SOAP  ${instanceUrl}`,
    `  Pub/Sub API        ${pubsubEndpoint} (${simulator.certificate ? 'TLS, certificate below' : 'plaintext'})`,
    `  control            ${instanceUrl}/simulator`,
    `  client id, secret  ${credentials.clientId}, ${credentials.clientSecret}`,
    `  user, password     ${credentials.username}, ${credentials.password}`,
    '',
    'Create an account:',
    example.create,
    'Look at the newest ones:',
    example.query,
    ...(simulator.certificate ? ['', simulator.certificate] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function namingSetting(error: unknown, { httpPort, pubsubPort }: SimulatorSettings): unknown {
  if (!(error instanceof Error && 'port' in error)) return error;
  const setting = error.port === httpPort ? 'SIMULATOR_HTTP_PORT' : 'SIMULATOR_PUBSUB_PORT';
  const port = error.port === httpPort ? httpPort : pubsubPort;
  return new SettingError(setting, `${port} is in use`);
}
