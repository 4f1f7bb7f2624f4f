import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings, SettingError } from '../src/settings.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const run = (settings: Record<string, string>, args: readonly string[] = []) => {
  const environment = { SIMULATOR_HTTP_PORT: '0', SIMULATOR_PUBSUB_PORT: '0', ...settings };
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...environment } });
  const output = { out: '', error: '' };
  child.stdout.on('data', (data) => {
    output.out += String(data);
  });
  child.stderr.on('data', (data) => {
    output.error += String(data);
  });
  const exit = once(child, 'exit').then(([code]) => code);
  const ready = Promise.race([
    exit,
    new Promise<void>((resolve) => {
      child.stdout.on('data', () => {
        if (output.out.includes('/query?q=')) resolve();
      });
    }),
  ]);
  return { child, exit, output, ready };
};

describe('the settings', () => {
  it.each([
    [['--http-prot', '1'], "Unknown option '--http-prot' (see --help)"],
    [['--seed'], "Option '--seed <value>' argument missing (see --help)"],
    [['now'], "Unexpected argument 'now' (see --help)"],
    [['--accounts', 'many'], '--accounts must be a whole number from 0 to 1000000, not "many"'],
    [['--webhook-url', 'localhost'], '--webhook-url must be a URL with http or https, not "localhost"'],
    [['--webhook-url', 'http://example.com'], 'SIMULATOR_WEBHOOK_SECRET is required with --webhook-url'],
  ])('the command line %j is refused with an error that names the cause', (args, message) => {
    expect(() => readSettings(args, {})).toThrow(new SettingError(message));
  });

  it.each([
    [{ SIMULATOR_HTTP_PORT: 'x' }, 'SIMULATOR_HTTP_PORT must be a whole number from 0 to 65535, not "x"'],
    [{ SIMULATOR_ACCOUNTS: '-1' }, 'SIMULATOR_ACCOUNTS must be a whole number from 0 to 1000000, not "-1"'],
    [{ SIMULATOR_TLS: 'yes' }, 'SIMULATOR_TLS must be true or false, not "yes"'],
    [
      { SIMULATOR_WEBHOOK_URL: 'http://example.com', SIMULATOR_WEBHOOK_SECRET: 'secret' },
      'SIMULATOR_WEBHOOK_SECRET must be whsec_ followed by base64 with SIMULATOR_WEBHOOK_URL',
    ],
  ])('the environment %j is refused with an error that names the variable', (environment, message) => {
    expect(() => readSettings([], environment)).toThrow(new SettingError(message));
  });
});

describe('the command salesforce-simulator', () => {
  let running: ReturnType<typeof run>;
  beforeAll(async () => {
    running = run({ SIMULATOR_ACCOUNTS: '4' });
    await running.ready;
  });
  afterAll(() => void running.child.kill('SIGKILL'));

  it.each(['HTTP', 'PUBSUB'])('the error names the setting if the %s port is taken', async (kind) => {
    const [, port = ''] =
      (kind === 'HTTP' ? /SOAP +http:\/\/127\.0\.0\.1:(\d+)/ : /API +127\.0\.0\.1:(\d+)/).exec(
        running.output.out,
      ) ?? [];
    const { exit, output } = run({ [`SIMULATOR_${kind}_PORT`]: port });
    expect(await exit).toBe(1);
    expect(output).toEqual({ out: '', error: `SIMULATOR_${kind}_PORT ${port} is in use\n` });
  });

  it('the simulator prints requests that work unchanged and ends on a signal', async () => {
    const { child, exit, output } = running;
    const [, url = '', authorization = ''] =
      /curl -s '(http\S+\/query\?q=[^']+)' -H 'Authorization: ([^']+)'/.exec(output.out) ?? [];
    const answer = await fetch(url, { headers: { authorization } });
    expect(await answer.json()).toMatchObject({ totalSize: 4 });
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(output.error).toBe('');
  });

  it('options override environment variables', async () => {
    const { child, exit, output, ready } = run({ SIMULATOR_ACCOUNTS: '4' }, ['--accounts', '3', '--tls']);
    await ready;
    expect(output.out).toContain('3 accounts');
    expect(output.out).toContain('BEGIN CERTIFICATE');
    child.kill('SIGINT');
    expect(await exit).toBe(0);
  });

  it('--help names every option that the README names, and --version prints the version', async () => {
    const { exit, output } = run({}, ['--help']);
    expect(await exit).toBe(0);
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const documented = [...readme.matchAll(/^\| `(SIMULATOR_\w+)`/gm)].map(([, name = '']) =>
      name.replace('SIMULATOR_', '--').toLowerCase().replaceAll('_', '-'),
    );
    const options = [...output.out.matchAll(/^ {2}(--\S+)/gm)].map(([, option]) => option);
    expect(options).toEqual([...documented, '--help', '--version']);
    const version = run({}, ['--version']);
    expect(await version.exit).toBe(0);
    expect(version.output.out).toBe('0.1.0\n');
  });

  it('an invalid value ends the command with one line', async () => {
    const { exit, output } = run({ SIMULATOR_TLS: 'yes' });
    expect(await exit).toBe(1);
    expect(output).toEqual({ out: '', error: 'SIMULATOR_TLS must be true or false, not "yes"\n' });
  });
});
