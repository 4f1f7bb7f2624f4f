import type pg from 'pg';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import { readNewestSchemaId } from './stored-schemas.ts';

type MirroredFields = {
  readonly names: readonly string[];
  /** The parts of compound fields. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
};

/**
 * Creates a function that reads the mirrored fields. It caches them for a second, because every response with accounts
 * needs them.
 */
export function mirroredFields(pool: pg.Pool, schemas: SchemaCache): () => Promise<MirroredFields> {
  let cached: { readonly until: number; readonly fields: Promise<MirroredFields> } | undefined;
  const read = async (): Promise<MirroredFields> => {
    const schemaId = await readNewestSchemaId(pool);
    const fields = schemaId === undefined ? [] : (await schemas.get(schemaId)).entityFields.slice(1);
    return {
      names: fields.map(({ name }) => name),
      parts: new Map(fields.map(({ name, parts }) => [name, parts])),
    };
  };
  return () => {
    const now = performance.now();
    if (cached === undefined || now > cached.until) {
      const fields = read();
      cached = { until: now + 1_000, fields };
      fields.catch(() => {
        cached = undefined;
      });
    }
    return cached.fields;
  };
}
