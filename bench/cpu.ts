import { readdir, readFile } from 'node:fs/promises';

/** CPU time that a process and its children have used, in seconds (proc(5); a tick is a hundredth of a second). */
export async function cpuSeconds(pid: number): Promise<number> {
  const own = (await stat(pid)) ?? { ticks: 0 };
  let ticks = own.ticks;
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const other = await stat(Number(name));
    if (other?.parent === pid) ticks += other.ticks;
  }
  return ticks / 100;
}

/** Runs the work and returns the share of one core that each process used: 1 is one core all the time. */
export async function cpuShares<T>(
  pids: Readonly<Record<string, number>>,
  work: () => Promise<T>,
): Promise<{ result: T; shares: Record<string, number> }> {
  const now = () => Promise.all(Object.values(pids).map(cpuSeconds));
  const before = await now();
  const begin = performance.now();
  const result = await work();
  const seconds = (performance.now() - begin) / 1000;
  const after = await now();
  const shares = Object.keys(pids).map((name, i) => [name, ((after[i] ?? 0) - (before[i] ?? 0)) / seconds]);
  return { result, shares: Object.fromEntries(shares) };
}

async function stat(pid: number): Promise<{ parent: number; ticks: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The name in parentheses may hold spaces.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (fields === undefined) return undefined;
  // utime, stime and those of the children that ended: fields 14 to 17, the third is the first here.
  const ticks = fields.slice(11, 15).reduce((sum, each) => sum + Number(each), 0);
  return { parent: Number(fields[1]), ticks };
}
