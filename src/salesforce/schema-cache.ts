import { SalesforceError } from './error.ts';
import { compileSchema, type WriterSchema } from './writer-schema.ts';

/** Stores schema texts persistently. */
export type SchemaStore = {
  load(schemaId: string): Promise<string | undefined>;
  save(schemaId: string, schemaJson: string): Promise<void>;
};

export type SchemaCache = {
  /**
   * From memory, else from the store, else from Salesforce.
   * @throws SalesforceError if Salesforce does not return a valid schema; the errors of the store
   */
  get(schemaId: string): Promise<WriterSchema>;
};

/**
 * Caches writer schemas by id without expiry, because a schema is immutable. Concurrent requests share one fetch.
 */
export function createSchemaCache(
  store: SchemaStore,
  fetchSchema: (schemaId: string) => Promise<string>,
): SchemaCache {
  const known = new Map<string, Promise<WriterSchema>>();
  const read = async (schemaId: string): Promise<WriterSchema> => {
    const stored = await store.load(schemaId);
    if (stored !== undefined) return compile(schemaId, stored);
    const fetched = await fetchSchema(schemaId);
    const schema = compile(schemaId, fetched);
    await store.save(schemaId, fetched);
    return schema;
  };
  return {
    get(schemaId) {
      const found = known.get(schemaId);
      if (found !== undefined) return found;
      const pending = read(schemaId);
      known.set(schemaId, pending);
      // Failures are not cached.
      pending.catch(() => known.delete(schemaId));
      return pending;
    },
  };
}

function compile(schemaId: string, schemaJson: string): WriterSchema {
  try {
    return compileSchema(schemaJson);
  } catch (error) {
    const message = `schema ${schemaId} is not valid: ${(error as Error).message}`;
    throw new SalesforceError(message, 'schema.unusable', 'data', { cause: error });
  }
}
