// The long form: `npm run test:attack -- --seconds 60 --attack "unfinished bodies"`; every attack unless one is named.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { attackRun } from './attack-run.ts';
import { type AttackName, attacks } from './attacks.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, attack: { type: 'string' } },
});
const names = Object.keys(attacks).filter(
  (name): name is AttackName => values.attack === undefined || name === values.attack,
);
const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-attack-'));
const server = await startEmbeddedPostgres({
  folder: path.join(folder, 'postgres'),
  password: 'test-only-database-password',
  settings: ['fsync=off'],
});
let failures = names.length === 0 ? 1 : 0;
for (const [index, attack] of names.entries()) {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`create database attack_${index}`);
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/attack_${index}`;
  try {
    const report = await attackRun({ attack, seconds: Number(values.seconds), databaseUrl: url.href });
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    const isSound =
      report.ended === undefined &&
      report.unready === 0 &&
      report.changesShown > 0 &&
      report.different === 0 &&
      report.accountsListed === report.accountsInOrg &&
      report.peakMiB <= 512;
    if (!isSound) failures += 1;
  } catch (error) {
    process.stdout.write(`${attack}: ${error instanceof Error ? error.message : String(error)}\n`);
    failures += 1;
  }
}
await server.stop();
await rm(folder, { recursive: true, force: true });
process.exit(failures === 0 ? 0 : 1);
