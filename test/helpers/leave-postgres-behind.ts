import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';

// Starts a server, says where it is, and stays until it is killed.
const server = await startEmbeddedPostgres({
  folder: process.argv[2] ?? '',
  password: 'test',
  settings: ['fsync=off'],
});
process.stdout.write(`${server.url}\n`);
setInterval(() => {}, 60_000);
