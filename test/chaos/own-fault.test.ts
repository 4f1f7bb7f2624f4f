import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { curlLines, processesNaming, startService } from '../helpers/service-process.ts';

describe('internal faults of the service', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), 'tidemark-own-fault-'));
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));
  const preload = fileURLToPath(new URL('../helpers/throw-on-signal.ts', import.meta.url));

  it('an unhandled rejection is logged once with its stack and shuts the service down without leftovers', async () => {
    const service = startService({ DATA_DIR: dataDir, PORT: '0', NODE_OPTIONS: `--import=${preload}` });
    await curlLines(service);
    service.child.kill('SIGUSR2');
    expect(await service.ended()).toBe(1);
    const faults = service
      .output()
      .split('\n')
      .filter((line) => line.includes('"level":60'))
      .map((line) => JSON.parse(line));
    expect(faults).toEqual([
      expect.objectContaining({
        msg: 'uncaught error; shutting down',
        err: expect.objectContaining({
          message: 'rejection on SIGUSR2',
          stack: expect.stringContaining('throw-on-signal.ts'),
        }),
      }),
    ]);
    expect(await processesNaming(dataDir)).toEqual([]);
  });
});
