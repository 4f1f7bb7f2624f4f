import { parseArgs } from 'node:util';

/** The settings of the command line by option name. The variable of `http-port` is `SIMULATOR_HTTP_PORT`. */
const SETTINGS = {
  'http-port': { default: 8080, max: 65_535, about: 'Port of OAuth, REST, SOAP and the control API' },
  'pubsub-port': { default: 7443, max: 65_535, about: 'Port of the Pub/Sub API; 0 selects a free port' },
  accounts: { default: 200, max: 1_000_000, about: 'Number of accounts created at startup' },
  seed: { default: 1, max: 2 ** 31 - 1, about: 'Equal seeds create equal accounts' },
  'custom-fields': { default: 0, max: 800, about: 'Number of additional custom fields of Account' },
  'bulk-job-ms': { default: 4, max: 3_600_000, about: 'Duration of a bulk query job in milliseconds' },
  tls: { default: false, about: 'TLS for both servers, with a certificate created at startup' },
  'webhook-url': { default: '', about: 'Receiver of change events as JSON, signed by Standard Webhooks' },
  'webhook-secret': { default: '', about: 'Signing secret, whsec_ and base64; required with webhook-url' },
  'outbound-message-url': { default: '', about: 'Receiver of outbound messages' },
} as const;

/**
 * Reads the command line and the environment; an option overrides its variable. An empty variable counts as unset.
 * Throws SettingError for an unknown option and for an invalid value.
 */
export function readSettings(args: readonly string[], environment: Environment): SimulatorSettings {
  const options = parseOptions(args);

  function read(name: SettingName): Source {
    const option = options[name];
    if (option !== undefined) return { source: `--${name}`, text: String(option) };
    const source = variableOf(name);
    return { source, text: environment[source] || String(SETTINGS[name].default) };
  }

  function integer(name: IntegerName): number {
    const { source, text } = read(name);
    const { max } = SETTINGS[name];
    if (/^\d+$/.test(text) && Number(text) <= max) return Number(text);
    throw new SettingError(`${source} must be a whole number from 0 to ${max}, not "${text}"`);
  }

  function url(name: SettingName): string | undefined {
    const { source, text } = read(name);
    if (text === '') return undefined;
    if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
    throw new SettingError(`${source} must be a URL with http or https, not "${text}"`);
  }

  const tls = read('tls');
  if (!['true', 'false'].includes(tls.text)) {
    throw new SettingError(`${tls.source} must be true or false, not "${tls.text}"`);
  }
  const relayUrl = url('webhook-url');
  const secret = read('webhook-secret');
  if (relayUrl !== undefined && !/^whsec_[A-Za-z0-9+/]+={0,2}$/.test(secret.text)) {
    const problem = secret.text === '' ? 'is required' : 'must be whsec_ followed by base64';
    throw new SettingError(`${secret.source} ${problem} with ${read('webhook-url').source}`);
  }
  const messageUrl = url('outbound-message-url');
  return {
    httpPort: integer('http-port'),
    pubsubPort: integer('pubsub-port'),
    accounts: integer('accounts'),
    seed: integer('seed'),
    customFields: integer('custom-fields'),
    bulkJobMs: integer('bulk-job-ms'),
    tls: tls.text === 'true',
    ...(relayUrl !== undefined && { relay: { url: relayUrl, secret: secret.text } }),
    ...(messageUrl !== undefined && { outboundMessages: { url: messageUrl } }),
    portSources: { http: read('http-port').source, pubsub: read('pubsub-port').source },
    info: options['help'] ? 'help' : options['version'] ? 'version' : undefined,
  };
}

/** The text of `--help`. */
export function usage(): string {
  const rows = Object.entries(SETTINGS).map(([name, { about, ...setting }]) => [
    `--${name}${setting.default === false ? '' : ` <${'max' in setting ? 'number' : 'text'}>`}`,
    `${about}${setting.default ? ` (default ${setting.default})` : ''}`,
  ]);
  rows.push(['--help', 'Print this text'], ['--version', 'Print the version']);
  const lines = rows.map(([option = '', about = '']) => `  ${option.padEnd(32)}${about}`);
  return `Usage: salesforce-simulator [options]

Starts a Salesforce org in one process and runs it until SIGINT or SIGTERM.

${lines.join('\n')}

Each option has an environment variable: --http-port is SIMULATOR_HTTP_PORT. An option overrides its variable.
`;
}

function parseOptions(args: readonly string[]): Options {
  const type = (name: string) => ({ type: name === 'tls' ? ('boolean' as const) : ('string' as const) });
  const named = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, type(name)]));
  const flags = { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean' } } as const;
  try {
    return parseArgs({ args: [...args], options: { ...named, ...flags }, allowNegative: true }).values;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new SettingError(`${error.message.split('. ')[0]} (see --help)`);
  }
}

function variableOf(name: SettingName): string {
  return `SIMULATOR_${name.toUpperCase().replaceAll('-', '_')}`;
}

/** The message is one line that names the option or the variable to change. */
export class SettingError extends Error {
  override readonly name = 'SettingError';
}

type SettingName = keyof typeof SETTINGS;
type IntegerName = {
  [Name in SettingName]: (typeof SETTINGS)[Name] extends { max: number } ? Name : never;
}[SettingName];
type Source = { readonly source: string; readonly text: string };
type Options = Readonly<Record<string, string | boolean | undefined>>;
type Environment = Readonly<Record<string, string | undefined>>;

export type SimulatorSettings = {
  readonly httpPort: number;
  readonly pubsubPort: number;
  readonly accounts: number;
  readonly seed: number;
  readonly customFields: number;
  readonly bulkJobMs: number;
  readonly tls: boolean;
  readonly relay?: { readonly url: string; readonly secret: string };
  readonly outboundMessages?: { readonly url: string };
  /** The option or variable that names each port, for errors. */
  readonly portSources: { readonly http: string; readonly pubsub: string };
  /** What to print instead of starting. */
  readonly info: 'help' | 'version' | undefined;
};
