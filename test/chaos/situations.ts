// Plays what an operator may meet and prints what the service shows: `npm run test:situations`. It takes about three
// minutes; `-- --write` also writes docs/operator-situations.md, `-- --only running` plays one group.
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { playGroup } from './situation-list.ts';
import { startWorlds } from './situation-world.ts';
import { outageGroups } from './situations-outage.ts';
import { runningGroups } from './situations-running.ts';
import { startingGroups } from './situations-starting.ts';

const { values } = parseArgs({
  options: { write: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const page = fileURLToPath(new URL('../../docs/operator-situations.md', import.meta.url));
const introduction = `# What an operator sees

This page is the output of \`npm run test:situations -- --write\`, which reproduces these situations with
service processes, a PostgreSQL server and the simulator. Each section describes the situation and shows the response of
\`/health/ready\`, the output and exit code of \`tidemark status\`, and the log at level info and above (without requests
and without the fields time, pid and hostname). Then the cause is removed, and the same is shown again. Times, ports and
ids differ between runs.`;

const groups = [...outageGroups, ...runningGroups, ...startingGroups].filter(
  ({ name }) => values.only === undefined || values.only === name,
);
const worlds = await startWorlds();
try {
  const played = await Promise.all(
    groups.map(async (group) => playGroup(await worlds.open(group.name), group)),
  );
  const order = new Intl.Collator('en', { numeric: true });
  const text = [introduction, ...played.flat().sort(order.compare)].join('\n\n');
  process.stdout.write(`${text}\n`);
  if (values.write) await writeFile(page, `${text}\n`);
} finally {
  await worlds.stop();
}
