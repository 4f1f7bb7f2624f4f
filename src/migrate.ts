// `npm run migrate`: brings the database to the newest migration, creates the table of accounts and ends. The service
// does the same when it starts.
import { loadMigrationConfig } from './config/config.ts';
import { checkSession } from './db/check-session.ts';
import { openDatabase } from './db/database.ts';
import { locateDatabase } from './db/locate-database.ts';
import { migrate } from './db/migrate.ts';
import { prepareMirror } from './mirror/prepare-mirror.ts';
import { describeStartupError } from './start/startup-error.ts';

try {
  const { databaseUrl, mirrorSchema, codeField } = loadMigrationConfig(process.env);
  const { url, schema } = await locateDatabase(databaseUrl);
  const database = openDatabase({
    url,
    schema,
    max: 1,
    applicationName: 'tidemark migrate',
  });
  await checkSession(database.pool);
  const applied = await migrate(database.pool);
  await prepareMirror(database.pool, { schema: mirrorSchema, codeField });
  await database.close();
  const names = applied.length === 0 ? 'nothing to do' : applied.join(', ');
  process.stdout.write(`The database is at the newest migration: ${names}\n`);
} catch (error) {
  process.stderr.write(`${describeStartupError(error)}\n`);
  process.exitCode = 1;
}
