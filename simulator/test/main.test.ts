import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));

const run = (settings: Record<string, string>) => {
  const environment = { SIMULATOR_HTTP_PORT: '0', SIMULATOR_PUBSUB_PORT: '0', ...settings };
  const child = spawn(process.execPath, [main], { env: { ...process.env, ...environment } });
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

describe('the command npm run simulator', () => {
  it('the simulator prints requests that work unchanged and ends on a signal', async () => {
    const { child, exit, output, ready } = run({ SIMULATOR_ACCOUNTS: '4' });
    await ready;
    const [, url = '', authorization = ''] =
      /curl -s '(http\S+\/query\?q=[^']+)' -H 'Authorization: ([^']+)'/.exec(output.out) ?? [];
    const answer = await fetch(url, { headers: { authorization } });
    expect(await answer.json()).toMatchObject({ totalSize: 4 });
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
    expect(output.error).toBe('');
  });

  it.each([
    [{ SIMULATOR_HTTP_PORT: 'x' }, 'SIMULATOR_HTTP_PORT must be a whole number from 0 to 65535, not "x"\n'],
    [{ SIMULATOR_ACCOUNTS: '-1' }, 'SIMULATOR_ACCOUNTS must be a whole number from 0 to 1000000, not "-1"\n'],
    [{ SIMULATOR_TLS: 'yes' }, 'SIMULATOR_TLS must be true or false, not "yes"\n'],
  ])('the simulator refuses %j in one line', async (settings, line) => {
    const { exit, output } = run(settings);
    expect(await exit).toBe(1);
    expect(output).toEqual({ out: '', error: line });
  });

  it.each(['HTTP', 'PUBSUB'])('the error names the setting if the %s port is taken', async (kind) => {
    const holder = run({});
    await holder.ready;
    const [, port = ''] =
      (kind === 'HTTP' ? /SOAP +http:\/\/127\.0\.0\.1:(\d+)/ : /API +127\.0\.0\.1:(\d+)/).exec(
        holder.output.out,
      ) ?? [];
    const { exit, output } = run({ [`SIMULATOR_${kind}_PORT`]: port });
    expect(await exit).toBe(1);
    expect(output).toEqual({ out: '', error: `SIMULATOR_${kind}_PORT ${port} is in use\n` });
    holder.child.kill('SIGINT');
    expect(await holder.exit).toBe(0);
  });
});
