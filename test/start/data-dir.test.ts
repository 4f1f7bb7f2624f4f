import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockDataDir } from '../../src/start/data-dir.ts';

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
    const stat = await readFile(`/proc/${process.ppid}/stat`, 'utf8');
    const parent = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    expect(Number(own)).toBeGreaterThan(Number(parent));
    await release();
    await writeFile(file, `${process.ppid} ${parent}`);
    await expect(lockDataDir(folder)).rejects.toThrow(`process id ${process.ppid}`);
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
