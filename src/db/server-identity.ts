import { readFileSync } from 'node:fs';

export type ServerIdentity = { readonly uid: number; readonly gid: number };

/**
 * The user that an embedded PostgreSQL runs as when this process is root, which PostgreSQL refuses:
 * `postgres` where the system has one, else `nobody`. Undefined when this process isn't root.
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
