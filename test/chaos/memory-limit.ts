import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** A limit of memory for a process and its children, as the kernel offers it. */
export type MemoryLimit = {
  /** For a report. */
  readonly kind: 'cgroup v2' | 'cgroup v1' | 'none';
  /** What a shell has to run before it becomes the process. */
  readonly enter: string;
  /** Flags of Node where the kernel offers nothing. */
  readonly flags: readonly string[];
  /** The most that was used, in bytes. */
  peak(pid: number): number;
  remove(): void;
};

/** Needs root for a control group; otherwise the heap is limited and the caller has to look at the peak. */
export function limitMemory(bytes: number): MemoryLimit {
  const name = `tidemark-attack-${process.pid}`;
  const own = readFileSync('/proc/self/cgroup', 'utf8');
  const v1 = path.join('/sys/fs/cgroup/memory', /^\d+:memory:(.*)$/m.exec(own)?.[1] ?? '-', name);
  const v2 = path.join('/sys/fs/cgroup', /^0::(.*)$/m.exec(own)?.[1] ?? '-', name);
  const group = (kind: 'cgroup v1' | 'cgroup v2', folder: string, limit: string, peak: string) => {
    mkdirSync(folder);
    writeFileSync(path.join(folder, limit), String(bytes));
    return {
      kind,
      enter: `echo $$ > ${folder}/cgroup.procs`,
      flags: [],
      peak: () => Number(readFileSync(path.join(folder, peak), 'utf8')),
      remove: () => rmdirSync(folder),
    };
  };
  try {
    if (existsSync(path.join(path.dirname(v2), 'memory.max')))
      return group('cgroup v2', v2, 'memory.max', 'memory.peak');
    return group('cgroup v1', v1, 'memory.limit_in_bytes', 'memory.max_usage_in_bytes');
  } catch {
    return {
      kind: 'none',
      enter: ':',
      flags: [`--max-old-space-size=${Math.floor(bytes / 1024 ** 2 / 2)}`],
      peak: (pid) =>
        Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024,
      remove: () => {},
    };
  }
}
