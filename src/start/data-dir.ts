import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { ConfigError } from '../config/config-error.ts';

/**
 * Locks DATA_DIR: two processes must not run the same embedded database. The lock of a killed process is ignored.
 *
 * @returns a function that releases the lock
 * @throws ConfigError naming the process that holds the lock
 */
export async function lockDataDir(folder: string): Promise<() => Promise<void>> {
  // The user root runs PostgreSQL as another user, which has to pass through the folder.
  await mkdir(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
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

/** Whether the process runs and is Tidemark: its id may have been reused by another program. */
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

/** Rejects if the address cannot be listened on, before anything is started. */
export function validateListenAddress(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen({ host, port }, () => probe.close(() => resolve()));
  });
}
