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
      await writeFile(file, `${process.pid} ${await startTime(String(process.pid))}`, { flag: 'wx' });
      return () => rm(file, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const [holder = '', started] = (await readFile(file, 'utf8').catch(() => '')).split(' ');
    if (isOther(holder) && [started, unknown].includes(await startTime(holder))) {
      throw new ConfigError([`DATA_DIR: ${folder} is in use by the Tidemark with process id ${holder}`]);
    }
    await rm(file, { force: true });
  }
}

/** Whether a process with this id runs and is not this one. */
function isOther(pid: string): boolean {
  if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return true;
}

const unknown = 'unknown';

/**
 * When the process started, in clock ticks since boot: its id may be reused (proc_pid_stat(5)). Unknown except on Linux, and
 * for processes of other users if `/proc` hides them: such a process counts as the holder. A killed process that its parent
 * has not waited for has no time.
 */
async function startTime(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second of the 52 fields is the name of the program, in parentheses; it may hold spaces. These are 3 and 22.
  const { [0]: state, [19]: time = unknown } = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' ? 'ended' : time;
}

/** Rejects if the address cannot be listened on, before anything is started. */
export function validateListenAddress(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen({ host, port }, () => probe.close(() => resolve()));
  });
}
