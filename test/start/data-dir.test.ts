import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockDataDir } from '../../src/start/data-dir.ts';
import { eventually } from '../helpers/eventually.ts';

describe.skipIf(process.platform !== 'linux')('the lock of the data folder', () => {
  let folder: string;
  let file: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tidemark-data-'));
    file = path.join(folder, 'tidemark.pid');
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('a running process holds its lock, whatever its command line is', async () => {
    const release = await lockDataDir(folder);
    const [, own = ''] = (await readFile(file, 'utf8')).split(' ');
    const { started: parent } = await processOf(process.ppid);
    expect(Number(own)).toBeGreaterThan(Number(parent));
    await release();
    await writeFile(file, `${process.ppid} ${parent}`);
    await expect(lockDataDir(folder)).rejects.toThrow(`process id ${process.ppid}`);
  });

  it('the lock of a killed process that its parent has not waited for is ignored', async () => {
    // The shell becomes a program that waits for no child.
    const parent = spawn('/bin/sh', ['-c', 'sleep 0 & echo $!; exec sleep 60']);
    try {
      const [output] = await once(parent.stdout, 'data');
      const pid = Number(output);
      await eventually('it has ended', async () => (await processOf(pid)).state === 'Z');
      await writeFile(file, `${pid} ${(await processOf(pid)).started}`);
      await (await lockDataDir(folder))();
    } finally {
      parent.kill();
    }
  });

  it.each([
    ['whose id another program has now', `${process.ppid} 1`],
    ['that is gone', '4194305 1'],
    ['that was killed while it took the lock', ''],
  ])('the lock of a process %s is ignored', async (_, content) => {
    await writeFile(file, content);
    const release = await lockDataDir(folder);
    expect(await readFile(file, 'utf8')).toMatch(new RegExp(`^${process.pid} \\d+$`));
    await release();
    await expect(readFile(file)).rejects.toThrow('ENOENT');
  });
});

async function processOf(pid: number): Promise<{ state: string; started: string }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const { [0]: state = '', [19]: started = '' } = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { state, started };
}
