import type pg from 'pg';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import { readNewestSchemaId } from './stored-schemas.ts';

type MirroredFields = {
  readonly names: readonly string[];
  /** The parts of each, of those that have some. */
  readonly parts: ReadonlyMap<string, readonly string[]>;
};

/** The mirrored fields, read once a second at most: each answer with accounts needs them. */
export function mirroredFields(pool: pg.Pool, schemas: SchemaCache): () => Promise<MirroredFields> {
  let known: { readonly until: number; readonly fields: Promise<MirroredFields> } | undefined;
  const lookUp = async (): Promise<MirroredFields> => {
    const schemaId = await readNewestSchemaId(pool);
    const fields = schemaId === undefined ? [] : (await schemas.get(schemaId)).entityFields.slice(1);
    return {
      names: fields.map(({ name }) => name),
      parts: new Map(fields.map(({ name, parts }) => [name, parts])),
    };
  };
  return () => {
    const now = performance.now();
    if (known === undefined || now > known.until) {
      const fields = lookUp();
      known = { until: now + 1_000, fields };
      fields.catch(() => {
        known = undefined;
      });
    }
    return known.fields;
  };
}
