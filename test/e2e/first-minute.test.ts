import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import {
  curlLines,
  processesNaming,
  runPrinted,
  type ServiceProcess,
  startService,
} from '../helpers/service-process.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';

describe('the first minute without settings and without a Salesforce account', () => {
  let dataDir: string;
  const started: ServiceProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'tidemark-first-minute-'));
  });

  afterEach(async () => {
    for (const { child, ended } of started.splice(0)) {
      child.kill('SIGINT');
      await ended();
    }
    await rm(dataDir, { recursive: true, force: true });
  });

  const start = (settings: Record<string, string> = {}): ServiceProcess => {
    const service = startService({ DATA_DIR: dataDir, PORT: '0', ...settings });
    started.push(service);
    return service;
  };

  const readConfirmed = (read: string): Promise<ApiAccount> =>
    eventually('the account is there with a confirmed code', async () => {
      const { data } = await runPrinted<Page<ApiAccount>>(read);
      return data.find(({ codeState }) => codeState === 'confirmed');
    });

  it('the two printed commands work unchanged, the code reaches Salesforce, and Ctrl-C leaves nothing behind', async () => {
    const service = start();
    const { create, read } = await curlLines(service);
    const { id } = await runPrinted<{ id: string }>(create);
    const account = await readConfirmed(read);
    expect(account.id).toBe(id);
    const token = /Bearer (00D[^']+)/.exec(create)?.[1] ?? '';
    const org = /^curl -s (http:\/\/[^/]+)/.exec(create)?.[1] ?? '';
    const held = await fetch(`${org}/services/data/v66.0/sobjects/Account/${id}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(await held.json()).toMatchObject({ SignUpCode__c: account.signupCode });

    service.child.kill('SIGINT');
    expect(await service.ended()).toBe(0);
    expect(await processesNaming(dataDir)).toEqual([]);
  });

  it('a second start continues where the first one stopped, also after kill -9', async () => {
    const first = start();
    const lines = await curlLines(first);
    await runPrinted(lines.create);
    const before = await readConfirmed(lines.read);
    first.child.kill('SIGKILL');
    await first.ended();

    const second = start();
    const { create, read } = await curlLines(second);
    expect(await readConfirmed(read)).toEqual(before);
    await runPrinted(create);
    await eventually('the second account of that name', async () => {
      const { data } = await runPrinted<Page<ApiAccount>>(read);
      return data.length === 2 && data.every(({ codeState }) => codeState === 'confirmed');
    });
  });

  it('Ctrl-C twice within a moment, as npm passes it on, still shuts down gracefully', async () => {
    const service = start();
    await curlLines(service);
    service.child.kill('SIGINT');
    service.child.kill('SIGINT');
    expect(await service.ended()).toBe(0);
    expect(await processesNaming(dataDir)).toEqual([]);
  });

  it('the service shuts down gracefully while it is still starting', async () => {
    const service = start({ LOG_LEVEL: 'debug' });
    await eventually('PostgreSQL is being started', async () => (await processesNaming(dataDir)).length > 0);
    service.child.kill('SIGINT');
    expect(await service.ended()).toBe(0);
    await eventually('no process is left', async () => (await processesNaming(dataDir)).length === 0);
  });

  const refusals: [string, Record<string, string>, RegExp][] = [
    [
      'a misspelled setting',
      { SALESFORCE_LOGIN_URI: 'https://x.my.salesforce.com' },
      /^SALESFORCE_LOGIN_URI is not a setting; did you mean SALESFORCE_LOGIN_URL\?/,
    ],
    ['an unknown value', { LOG_LEVEL: 'loud' }, /^LOG_LEVEL: "loud" must be one of fatal, error/],
    [
      'a setting that is missing',
      { SALESFORCE_CLIENT_ID: 'x' },
      /^SALESFORCE_CLIENT_SECRET is required with/m,
    ],
    [
      'a database and no org',
      { DATABASE_URL: 'postgres://x:y@127.0.0.1:1/z' },
      /^SALESFORCE_LOGIN_URL is required with DATABASE_URL/,
    ],
    ['a topic that does not exist', { CDC_TOPIC: '/data/Nope__chn' }, /^CDC_TOPIC: .*\(topic\.not\.found\)/],
  ];

  it.each(refusals)(
    'the startup error for %s is one line that names the setting, with exit code 1',
    async (_, settings, line) => {
      const service = start(settings);
      expect(await service.ended()).toBe(1);
      const printed = service
        .output()
        .trim()
        .split('\n')
        .filter((text) => !text.startsWith('{'));
      expect(printed.join('\n')).toMatch(line);
      expect(printed.join('\n')).not.toMatch(/^ +at /m);
    },
  );

  it('the error for wrong credentials is one line with the message of Salesforce', async () => {
    const org = start();
    const { create } = await curlLines(org);
    const other = startService({
      PORT: '0',
      DATA_DIR: `${dataDir}-other`,
      SALESFORCE_LOGIN_URL: /^curl -s (http:\/\/[^/]+)/.exec(create)?.[1] ?? '',
      SALESFORCE_CLIENT_ID: 'simulator-client',
      SALESFORCE_CLIENT_SECRET: 'wrong',
      API_KEYS: 'a:read:0123456789abcdef',
    });
    started.push(other);
    expect(await other.ended()).toBe(1);
    expect(other.output()).toMatch(/^(?:Salesforce rejected the sign-in|SALESFORCE_\w+): .*invalid_client/m);
    await rm(`${dataDir}-other`, { recursive: true, force: true });
  });

  it('a port in use is named in one line before anything is started', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const service = start({ PORT: String(port) });
    expect(await service.ended()).toBe(1);
    expect(service.output()).toBe(
      `PORT: ${port} is in use on 127.0.0.1; stop the other process or set another PORT\n`,
    );
    other.close();
  });

  it('a data folder in use is one line that names the process', async () => {
    const first = start();
    await curlLines(first);
    const second = start();
    expect(await second.ended()).toBe(1);
    expect(second.output()).toBe(
      `DATA_DIR: ${dataDir} is in use by the Tidemark with process id ${first.child.pid}\n`,
    );
  });
});
