import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { open, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';
import { useChaosEnv } from './chaos-env.ts';
import type { PostgresServer } from './postgres-server.ts';

const disk = mountSmallDisk();
const reason = typeof disk === 'string' ? '' : ` (skipped: ${disk.problem})`;

describe.skipIf(typeof disk !== 'string')(
  `a full disk under the database${reason}`,
  { timeout: 120_000 },
  () => {
    const folder = String(disk);
    const filler = path.join(folder, 'filler');
    // Registered first, so that it runs last: the server that lives there has to be gone.
    afterAll(async () => {
      execFileSync('umount', [folder]);
      await rmdir(folder);
    });
    const quiet = useChaosEnv({
      postgresFolder: path.join(folder, 'postgres'),
      postgresSettings: ['max_wal_size=1GB', 'min_wal_size=32MB', 'checkpoint_timeout=1h'],
    });

    it('a full disk stops the position, but not the process or the API, until there is room again', async () => {
      const { service, postgres, get } = quiet.world;
      const { pid } = service;
      await fill(filler);
      const isMet = () => service.output().includes('No space left on device');
      await eventually('the service has met the full disk', () => {
        if (!isMet()) quiet.edit(1);
        return isMet();
      });
      const [row] = await postgres.rows<{ stored: boolean }>(
        `select replay_id = (select replay_id from events order by id desc limit 1) as stored from subscriptions`,
      );
      expect(row?.stored).toBe(true);
      expect((await get<Page<ApiAccount>>('/v1/accounts')).data.length).toBeGreaterThan(0);
      await rm(filler);
      await quiet.expectHealed();
      expect(service.pid).toBe(pid);
    });

    it('a full log disk ends PostgreSQL and the same process continues once it is back', async () => {
      const { service, postgres } = quiet.world;
      const { pid } = service;
      quiet.edit(3);
      await fill(filler);
      await eventually('PostgreSQL has given up', () => switchLog(postgres).then(() => false, isPanic));
      quiet.edit(5);
      await eventually('the service has lost it', async () => !(await service.isReady()));
      await rm(filler);
      await postgres.restart('immediate');
      await quiet.expectHealed();
      expect(service.pid).toBe(pid);
    });
  },
);

/** A file system of its own for the database; only root may mount one. */
function mountSmallDisk(): string | { readonly problem: string } {
  const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', folder], { stdio: 'pipe' });
    execFileSync('chmod', ['755', folder]);
    return folder;
  } catch {
    return { problem: 'this user may not mount a small disk' };
  }
}

async function fill(file: string): Promise<void> {
  const handle = await open(file, 'w');
  const pieces = [1024 * 1024, 4096].map((size) => Buffer.alloc(size));
  try {
    for (const piece of pieces) {
      let full = false;
      while (!full)
        full = await handle.write(piece).then(
          () => false,
          () => true,
        );
    }
  } finally {
    await handle.close();
  }
}

/** Begins a new segment of the write-ahead log, as often as there are old ones that can be used again. */
async function switchLog({ rows }: PostgresServer): Promise<void> {
  await rows(`select pg_logical_emit_message(false, 'test', repeat('x', 1000)), pg_switch_wal()`);
}

/** No answer any more, or no server. */
function isPanic(error: Error): boolean {
  return /terminated|ECONNREFUSED|ECONNRESET|recovery|shutting down|starting up/.test(error.message);
}
