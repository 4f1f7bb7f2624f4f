import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { createOrg } from '../../src/org/org.ts';

it('an org whose process is killed while it writes keeps every acknowledged change', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'simulator-kill-'));
  const journalFile = path.join(folder, 'org.ndjson');
  const org = JSON.stringify(new URL('../../src/org/org.ts', import.meta.url).href);
  const script = `
    const { createOrg } = await import(${org});
    const org = createOrg({ journalFile: ${JSON.stringify(journalFile)} });
    const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null };
    for (let index = 0; ; index += 1) {
      const { id } = org.transaction(caller, (tx) => tx.insert({ Name: 'Account ' + index }));
      process.stdout.write(id + '\\n');
      if (index % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const answered: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (line.length === 18) answered.push(line);
    if (answered.length === 500) child.kill('SIGKILL');
  }
  const again = createOrg({ journalFile });
  expect(answered.length).toBeGreaterThanOrEqual(500);
  expect(answered.filter((id) => again.record(id) === undefined)).toEqual([]);
  const events = again.bus.read('/data/ChangeEvents', again.bus.earliest(), {
    events: 1e6,
    bytes: 1e9,
  }).events;
  expect(events).toHaveLength(again.size);
  await rm(folder, { recursive: true });
});
