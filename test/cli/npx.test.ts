import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../', import.meta.url));

test('npx tidemark works from the checkout, without a network, with whatever Node the machine has', async () => {
  const cache = await mkdtemp(path.join(tmpdir(), 'tidemark-npx-'));
  const machinePath = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((folder) => !folder.startsWith(root))
    .join(path.delimiter);
  const { stdout } = await promisify(execFile)('npx', ['--offline', 'tidemark', '--version'], {
    cwd: root,
    env: {
      HOME: cache,
      PATH: machinePath,
      npm_config_cache: cache,
      npm_config_update_notifier: 'false',
      // Linking the checkout runs its script "prepare", which builds the console that other tests have open.
      npm_config_ignore_scripts: 'true',
    },
  });
  await rm(cache, { recursive: true, force: true });
  expect(stdout.trim()).toBe(packageJson.version);
});
