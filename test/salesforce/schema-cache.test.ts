import { describe, expect, it } from 'vitest';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { createSchemaCache, type SchemaStore } from '../../src/salesforce/schema-cache.ts';
import { testSchemaJson } from '../helpers/change-events.ts';

/** A store in memory, and a Salesforce that counts what it is asked for. */
function world(stored: Readonly<Record<string, string>> = {}) {
  const kept = new Map(Object.entries(stored));
  const fetched: string[] = [];
  const store: SchemaStore = {
    load: async (id) => kept.get(id),
    save: async (id, json) => {
      kept.set(id, json);
    },
  };
  return { kept, fetched, store };
}

describe('writer schemas', () => {
  it('a schema is fetched once for all simultaneous callers and kept', async () => {
    const { kept, fetched, store } = world();
    const cache = createSchemaCache(store, async (id) => {
      fetched.push(id);
      return testSchemaJson;
    });
    const wanted = await Promise.all(Array.from({ length: 20 }, () => cache.get('a')));
    await cache.get('b');
    expect(new Set(wanted).size).toBe(1);
    expect(fetched).toEqual(['a', 'b']);
    expect([...kept.keys()]).toEqual(['a', 'b']);
  });

  it('a stored schema is not fetched', async () => {
    const { store } = world({ a: testSchemaJson });
    const cache = createSchemaCache(store, () => Promise.reject(new Error('no request is expected')));
    expect((await cache.get('a')).entityFields[1]?.name).toBe('Name');
  });

  it('a schema is requested again after a failure', async () => {
    let failures = 1;
    const cache = createSchemaCache(world().store, async () => {
      if (failures-- > 0) throw new SalesforceError('not now', 'schema.api.unavailable', 'transient');
      return testSchemaJson;
    });
    await expect(cache.get('a')).rejects.toThrow('not now');
    await expect(cache.get('a')).resolves.toBeDefined();
  });

  it.each(['no JSON', '"string"', '{"type":"record","name":"X"}'])(
    'an invalid schema (%s) is refused as such and not kept',
    async (json) => {
      const { kept, store } = world();
      const cache = createSchemaCache(store, async () => json);
      await expect(cache.get('a')).rejects.toMatchObject({ code: 'schema.unusable', failure: 'data' });
      expect(kept.size).toBe(0);
    },
  );

  it("a failure of the schema store is reported as the store's error and not the schema's", async () => {
    const broken = new Error('connection terminated');
    const store: SchemaStore = { load: () => Promise.reject(broken), save: async () => {} };
    await expect(createSchemaCache(store, async () => testSchemaJson).get('a')).rejects.toBe(broken);
  });
});
