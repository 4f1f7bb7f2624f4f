import { describe, expect, it } from 'vitest';
import { readNewestSchemaId, storedSchemas } from '../../src/ingest/stored-schemas.ts';
import { testSchemaJson } from '../helpers/change-events.ts';
import { useDatabase } from '../helpers/use-database.ts';

describe('stored schemas', () => {
  const database = useDatabase();

  it('a schema is kept as it came first and the newest account schema is not one of another object', async () => {
    const { load, save } = storedSchemas(database);
    expect(await readNewestSchemaId(database.pool)).toBeUndefined();
    expect(await load('old')).toBeUndefined();
    await save('old', testSchemaJson);
    await save('old', '{}');
    await save('new', testSchemaJson);
    await save('contact', testSchemaJson.replace('AccountChangeEvent', 'ContactChangeEvent'));
    expect(await load('old')).toBe(testSchemaJson);
    expect(await readNewestSchemaId(database.pool)).toBe('new');
  });
});
