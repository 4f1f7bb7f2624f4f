import { expect } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { scenarioSteps } from '../helpers/property.ts';
import { rowsOf } from '../helpers/rows-of.ts';
import { startTidemark } from '../helpers/tidemark.ts';
import { randomSchemaChanges } from './random-schema-changes.ts';
import { seededRandom } from './seeded-random.ts';

const steps = scenarioSteps(40);
const phases = 3;

/**
 * Changes fields and accounts at random, and expects the mirror to equal one that is loaded from scratch.
 * @param customFields of the org at the beginning, in addition to the usual ones
 */
export async function expectMirrorToFollow(seed: number, customFields: number): Promise<void> {
  const random = seededRandom(seed, 'drift');
  await using mirror = await openMirror({
    simulator: { accounts: 12, customFields },
  });
  await mirror.sql('create view by_a_user as select id, name, industry from salesforce.account');
  await mirror.sql('create index by_a_user on salesforce.account (industry)');
  const changes = randomSchemaChanges(mirror, random);
  const log: string[] = [];
  try {
    for (let phase = 0; phase < phases; phase++) {
      for (let step = 0; step < steps / phases; step++) {
        log.push(changes.change());
        // What one change leads to runs on during the next ones, or is done before them.
        if (random.chance(0.15)) await mirror.settled();
        else await mirror.sql('select');
      }
      await mirror.stop();
      for (let step = 0; step < 4; step++) log.push(changes.change());
      await mirror.startAgain();
      await untilFieldsCompared(mirror);
      changes.compared();
    }
    await mirror.settled();
    await mirror.healed();
    await mirror.worked();
    await mirror.codesConfirmed();
    await expectEqualToLoaded(mirror);
    expect(await mirror.failedEvents()).toEqual([]);
    expect(await mirror.sql('select id from by_a_user where false')).toEqual([]);
    expect(await mirror.sql(`select to_regclass('salesforce.by_a_user')::text as index`)).toEqual([
      { index: 'salesforce.by_a_user' },
    ]);
  } catch (error) {
    const steps = log.join(', ');
    const open = await mirror.sql(
      `select (select jsonb_agg(i) from incidents i where state <> 'closed') as incidents,
              (select jsonb_agg(r) from resyncs r where state <> 'done') as resyncs`,
    );
    const left = JSON.stringify(open);
    throw new Error(`FC_SEEDS=${seed}: ${steps}: ${(error as Error).message}\n${left}`, { cause: error });
  }
}

/** Waits until the service has compared the fields with Salesforce. */
async function untilFieldsCompared(mirror: LiveMirror): Promise<void> {
  await mirror.settled();
  const custom = mirror.simulator.org
    .fields()
    .filter((field) => field.custom && field.compoundFieldName === null);
  const described = custom.map(({ name, fieldId, length, defaultValue }) =>
    JSON.stringify([name, fieldId, length || null, defaultValue === null ? null : String(defaultValue)]),
  );
  await mirror.until(`the fields are compared: ${described}`, async () => {
    const rows = await mirror.sql<{ field: unknown[] }>(
      `select jsonb_build_array(name, field_id, length, default_value) as field from salesforce_fields where readable`,
    );
    const known = new Set(rows.map(({ field }) => JSON.stringify(field)));
    const missing = described.filter((field) => !known.has(field));
    return missing.length === 0;
  });
}

/** Loads the org into a second database and compares it with the first one. */
async function expectEqualToLoaded(mirror: LiveMirror): Promise<void> {
  const second = await createTestDatabase();
  try {
    const loaded = await startTidemark(second.url, mirror.simulator);
    await loaded.stop();
    const [one, other] = [await readMirror(mirror.database.url), await readMirror(second.url)];
    // The values of removed fields are kept, and a DELETE event carries no values.
    const current = new Set(mirror.simulator.org.fields().map(({ name }) => name));
    const comparable = ({ accounts }: Contents) =>
      Object.fromEntries(
        accounts.map(({ id, deleted, fields, code, code_state, stale }) => [
          id,
          {
            deleted,
            stale,
            code: deleted ? null : code,
            codeState: deleted ? null : code_state,
            fields: Object.fromEntries(
              Object.entries(fields)
                .filter(([name]) => current.has(name) && !(deleted && unreportedByDelete.has(name)))
                .sort(),
            ),
          },
        ]),
      );
    expect(comparable(one)).toEqual(comparable(other));
    const typed = (contents: Contents, paths: readonly string[]) =>
      Object.fromEntries(
        contents.live.map((row) => [
          row['id'],
          Object.fromEntries(
            paths.map((path) => [path, row[contents.columns.get(path)?.name ?? ''] ?? null]),
          ),
        ]),
      );
    // Beyond the limit of columns, the order in which fields were added decides.
    const shared = [...other.columns].flatMap(([path, { type }]) =>
      one.columns.get(path)?.type === type ? [path] : [],
    );
    expect(typed(one, shared)).toEqual(typed(other, shared));
    const types = ({ columns }: Contents) =>
      Object.fromEntries([...columns].map(([path, { type }]) => [path, type]));
    if (one.catalogSize < 300) expect(types(one)).toEqual(types(other));
  } finally {
    await second.drop();
  }
}

const unreportedByDelete = new Set(['LastModifiedDate', 'LastModifiedById', 'SignUpCode__c']);

type Row = Readonly<Record<string, unknown>>;
type Account = {
  readonly id: string;
  readonly deleted: boolean;
  readonly fields: Row;
  readonly code: string | null;
  readonly code_state: string;
  readonly stale: boolean;
};
type Contents = {
  readonly accounts: readonly Account[];
  readonly live: readonly Row[];
  /** The current columns by path. */
  readonly columns: ReadonlyMap<string, { readonly name: string; readonly type: string }>;
  readonly catalogSize: number;
};

async function readMirror(url: string): Promise<Contents> {
  const columns = await rowsOf<{ path: string; name: string; type: string; state: string }>(
    url,
    'select path, column_name as name, type, state from mirror_columns',
  );
  return {
    accounts: await rowsOf<Account>(
      url,
      `select id, deleted, fields, coalesce(signup_code, pending_signup_code) as code, code_state,
              stale_since is not null as stale from accounts`,
    ),
    live: (await rowsOf<{ row: Row }>(url, 'select to_jsonb(a) as row from salesforce.account_live a')).map(
      ({ row }) => row,
    ),
    columns: new Map(
      columns.filter(({ state }) => state === 'current').map((column) => [column.path, column]),
    ),
    catalogSize: columns.length,
  };
}
