import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
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
    dataDir = await mkdtemp(path.join(fastFolder(), 'tidemark-first-minute-'));
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
});
