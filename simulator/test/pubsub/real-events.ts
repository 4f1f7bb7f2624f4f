import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../../shared/real-events/', import.meta.url));
const arePresent = existsSync(folder);

/** Change events captured from real orgs. They are not part of the repository, so they may be absent. */
export const realEvents = {
  arePresent,
  whySkipped: arePresent ? '' : ' (skipped: the captured events are not on this machine)',
  file: (name: string) => folder + name,
};
