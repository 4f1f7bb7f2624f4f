import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf, isAsShown, shownCommands } from '../helpers/console-blocks.ts';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import { curlLines, runPrinted, type ServiceProcess, startService } from '../helpers/service-process.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';

describe('commands in the README and the documentation', () => {
  let dataDir: string;
  let service: ServiceProcess;
  let environment: Readonly<Record<string, string>>;

  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(fastFolder(), 'tidemark-shown-'));
    service = startService({ DATA_DIR: dataDir, PORT: '0', WEBHOOK_SECRETS: shownSecret() });
    const { create, read } = await curlLines(service);
    await runPrinted(create);
    await eventually('the account has its code', async () => {
      const { data } = await runPrinted<Page<ApiAccount>>(read);
      return data.some(({ codeState }) => codeState === 'confirmed');
    });
    const [, url = '', key = ''] = /'(http:\/\/[^/]+)\/.*Bearer ([^']+)'/.exec(read) ?? [];
    environment = { PATH: process.env['PATH'] ?? '', TIDEMARK_URL: url, TIDEMARK_API_KEY: key };
  });
  afterAll(async () => {
    service.child.kill('SIGINT');
    await service.ended();
    await rm(dataDir, { recursive: true, force: true });
  });

  // The secret that the page on webhooks signs with.
  const shownSecret = (): string =>
    /^SECRET=(\S+)/m.exec(
      shownCommands()
        .map(({ command }) => command)
        .join('\n'),
    )?.[1] ?? '';

  // What a command prints, even if it ends with an error.
  const outputOf = (command: string) =>
    new Promise<string>((resolve) =>
      execFile('/bin/sh', ['-c', command], { env: environment }, (_error, output) => resolve(output)),
    );

  it.each(shownCommands())('the command on $page runs: $command', async ({ command, output }) => {
    // A slow machine may not be so far, or may not print all in the time that a command gives itself.
    await eventually('it prints what is shown', async () => {
      const printed = await outputOf(command);
      if (isAsShown(output, printed)) return true;
      throw new Error(`shown:\n${output}\nprinted:\n${printed}`);
    });
  });

  it('commands are recognized and distinguished from other blocks', () => {
    expect(shownCommands().length).toBeGreaterThan(3);
    const [first, second] = commandsOf('x', '```console\n$ a \\\n  b\none\ntwo\n$ c\n```\n');
    expect(first).toMatchObject({ command: 'a \\\n  b', output: 'one\ntwo' });
    expect(second).toMatchObject({ command: 'c', output: '' });
    expect(isAsShown('{"a":…}', '{"a":[1]}\n')).toBe(true);
    expect(isAsShown('{"a":…}', '{"b":1}')).toBe(false);
  });
});
