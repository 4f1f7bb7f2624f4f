import { SalesforceError } from './error.ts';
import { compileSchema, type WriterSchema } from './writer-schema.ts';

/** Keeps schema texts beyond the life of the process. */
export type SchemaStore = {
  load(schemaId: string): Promise<string | undefined>;
  save(schemaId: string, schemaJson: string): Promise<void>;
};

export type SchemaCache = {
  /**
   * From memory, else from the store, else from Salesforce.
   * @throws SalesforceError where Salesforce doesn't give it or it is no schema; what the store throws as it is
   */
  get(schemaId: string): Promise<WriterSchema>;
};

/**
 * Writer schemas by id, for ever: a backlog holds events of several schemas of one topic, and a schema never changes
 * under its id. A schema that is wanted by many at once is fetched once.
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
      // A failure is not remembered: the next one asks again.
      pending.catch(() => known.delete(schemaId));
      return pending;
    },
  };
}

function compile(schemaId: string, schemaJson: string): WriterSchema {
  try {
    return compileSchema(schemaJson);
  } catch (error) {
    const message = `schema ${schemaId} can't be used: ${(error as Error).message}`;
    throw new SalesforceError(message, 'schema.unusable', 'data', { cause: error });
  }
}
