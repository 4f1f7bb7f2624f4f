import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const source = new URL('../../src/', import.meta.url);

it('every connection is opened by the search for the primary', () => {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.ts') && !file.startsWith('db/generated/'),
  );
  const direct = files.filter((file) =>
    /connectionString: /.test(readFileSync(new URL(file, source), 'utf8')),
  );
  // The embedded server is a single local host.
  expect(direct.sort()).toEqual(['db/embedded-postgres.ts', 'db/servers.ts']);
});
