import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { ConfigError } from '../config/config-error.ts';

/**
 * Takes DATA_DIR for this process: two that share it would run one database and one simulator twice.
 * A process that was killed holds it no longer.
 *
 * @returns gives it back
 * @throws ConfigError naming the process that holds it
 */
export async function lockDataDir(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, 'tidemark.pid');
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(file, 'utf8').catch(() => ''));
    if (await isTidemark(holder)) {
      throw new ConfigError([`DATA_DIR: ${folder} is in use by the Tidemark with process id ${holder}`]);
    }
    await rm(file, { force: true });
  }
}

/** Whether a process lives and is one of ours; its number may have gone to another program since. */
async function isTidemark(pid: number): Promise<boolean> {
  if (pid === 0 || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  return command === undefined || command.includes('main.ts');
}

/** Fails at once on an address that can't be listened on, before anything is started. */
export function checkAddress(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen({ host, port }, () => probe.close(() => resolve()));
  });
}
