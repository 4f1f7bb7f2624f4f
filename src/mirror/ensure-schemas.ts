import type pg from 'pg';
import { logFailure } from '../db/log-failure.ts';
import { readNewestSchemaId } from '../ingest/stored-schemas.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import { ensureColumns, logRenamedViews } from './prepare-mirror.ts';

/**
 * A schema cache that adds the columns for the fields of a schema before it returns the schema for the first time. If
 * another session blocks the table, it throws: the events of the schema wait, and a later call tries again.
 */
export function withColumns(schemas: SchemaCache, pool: pg.Pool, logger: Logger): SchemaCache {
  const ensured = new Map<string, Promise<void>>();
  const ensure = async (schemaId: string): Promise<void> => {
    const { name, entityFields } = await schemas.get(schemaId);
    if (name !== 'AccountChangeEvent') return;
    try {
      const isNewest = (await readNewestSchemaId(pool)) === schemaId;
      logRenamedViews(logger, await ensureColumns(pool, entityFields.slice(1), isNewest));
    } catch (error) {
      logFailure(logger, error, 'columns for new fields not added yet; retrying');
      throw error;
    }
  };
  return {
    async get(schemaId) {
      let pending = ensured.get(schemaId);
      if (pending === undefined) {
        pending = ensure(schemaId);
        ensured.set(schemaId, pending);
        pending.catch(() => ensured.delete(schemaId));
      }
      await pending;
      return schemas.get(schemaId);
    },
  };
}

type Logger = Parameters<typeof logFailure>[0];
