import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** A folder for the database servers of tests: in memory if there is room, because they are used once. */
export function fastFolder(): string {
  const shared = '/dev/shm';
  try {
    const { bavail, bsize } = statfsSync(shared);
    if (bavail * bsize > 4 * 1024 ** 3) return shared;
  } catch {
    // Only Linux has it.
  }
  return tmpdir();
}
