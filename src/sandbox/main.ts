import process from 'node:process';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { exampleRequests } from './http/example-requests.ts';
import { readSettings, type SandboxSettings, SettingError } from './main-settings.ts';
import { type Sandbox, startSandbox } from './sandbox.ts';

/** `npm run sandbox`: the sandbox org alone, until a signal. */
setLogVerbosity(logVerbosity.NONE);
try {
  const settings = readSettings(process.env);
  const sandbox = await startSandbox(settings).catch((error: unknown) => {
    throw namingSetting(error, settings);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void sandbox.close());
  const { relay, tell } = settings.webhooks;
  if (relay !== undefined) sandbox.webhooks.relay(relay);
  if (tell !== undefined) sandbox.webhooks.tell(tell);
  process.stdout.write(greeting(sandbox));
} catch (error) {
  process.stderr.write(`${error instanceof SettingError ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

function greeting({ credentials, instanceUrl, org, pubsubEndpoint, sessions, ...sandbox }: Sandbox): string {
  const token = sessions.issue({ userId: org.named.admin.id, neverExpires: true });
  const example = exampleRequests(instanceUrl, token);
  const lines = [
    `Tidemark sandbox org ${sandbox.organizationId}, ${org.size} accounts. Nothing in it is real.`,
    '',
    `  REST, OAuth, SOAP  ${instanceUrl}`,
    `  Pub/Sub API        ${pubsubEndpoint} (${sandbox.certificate ? 'TLS, certificate below' : 'plaintext'})`,
    `  control            ${instanceUrl}/sandbox`,
    `  client id, secret  ${credentials.clientId}, ${credentials.clientSecret}`,
    `  user, password     ${credentials.username}, ${credentials.password}`,
    '',
    'Create an account:',
    example.create,
    'Look at the newest ones:',
    example.query,
    ...(sandbox.certificate ? ['', sandbox.certificate] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function namingSetting(error: unknown, { httpPort, pubsubPort }: SandboxSettings): unknown {
  if (!(error instanceof Error && 'port' in error)) return error;
  const setting = error.port === httpPort ? 'SANDBOX_HTTP_PORT' : 'SANDBOX_PUBSUB_PORT';
  const port = error.port === httpPort ? httpPort : pubsubPort;
  return new SettingError(setting, `${port} is in use`);
}
