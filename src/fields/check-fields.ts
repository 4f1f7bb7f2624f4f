import type pg from 'pg';
import type { OrgContext } from '../context.ts';
import { advisoryLocks } from '../db/advisory-locks.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { repairByResync } from '../incidents/detected-gaps.ts';
import { markSchemaNewest, markSchemasChecked } from '../ingest/stored-schemas.ts';
import { ensureColumns, logRenamedViews } from '../mirror/prepare-mirror.ts';
import { allFields, clearRestoredFields, readRestoredFields } from '../mirror/restore-columns.ts';
import type { CurrentFields } from '../resync/read-plan.ts';
import { compareFields, describeChanges, type FieldChanges } from './compare-fields.ts';
import { hasValues, readKnownFields, saveKnownFields } from './field-rows.ts';
import { type KnownField, knownFields } from './known-field.ts';

type CheckContext = Pick<OrgContext, 'pool' | 'topic' | 'jobs' | 'org' | 'logger'>;

/**
 * Compares the fields that Salesforce describes now with those that it described last, saves them, and orders a read of
 * the fields whose values may have changed. The first description is only saved.
 */
export async function checkFields(
  { pool, topic, jobs, org, logger }: CheckContext,
  current: CurrentFields,
): Promise<void> {
  await markSchemaNewest(pool, current.schemaId);
  logRenamedViews(logger, await ensureColumns(pool, current.fields, true));
  await readRestored({ pool, topic, jobs });
  const after = knownFields(current.fields, current.described, org.calculatedFields);
  const isChecked = current.uncheckedIds.length === 0;
  if (isChecked && isSame(await readKnownFields(pool), after)) return;
  await inTransaction(pool, async (client) => {
    await lockFieldChecks(client);
    const before = await readKnownFields(client);
    const changes = await addLeakedValues(client, compareFields(before, after), before, after);
    if (before.length > 0 && changes.affected.size > 0) {
      await repairByResync({ topic, jobs }, client, {
        cause: 'schema changed',
        detail: `Salesforce changed fields without events for existing records: ${describeChanges(changes)}.`,
        request: { scope: 'fields', reason: 'schema change', fields: [...changes.affected.keys()] },
      });
      logger.warn({ changes: describeChanges(changes) }, 'fields of Account changed in Salesforce');
    }
    if (changes.lost.length > 0) {
      logger.warn(
        { fields: changes.lost },
        'fields are no longer readable in Salesforce; keeping their values',
      );
    }
    await saveKnownFields(client, after);
    await markSchemasChecked(client, [...current.uncheckedIds, current.schemaId]);
  });
}

/** Orders a read of the fields whose columns were removed by hand and restored without values. */
async function readRestored({
  pool,
  topic,
  jobs,
}: Pick<CheckContext, 'pool' | 'topic' | 'jobs'>): Promise<void> {
  if ((await readRestoredFields(pool)).length === 0) return;
  await inTransaction(pool, async (client) => {
    await lockFieldChecks(client);
    const fields = await readRestoredFields(client);
    if (fields.length === 0) return;
    await clearRestoredFields(client, fields);
    const isAll = fields.includes(allFields);
    const names = isAll ? 'all fields' : fields.join(', ');
    const reason = 'table changed';
    await repairByResync({ topic, jobs }, client, {
      cause: reason,
      detail: `Columns of the table of accounts were removed or changed by hand and are restored; their values are read again: ${names}.`,
      request: isAll ? { scope: 'all', reason } : { scope: 'fields', reason, fields },
    });
  });
}

/** Adds new calculated fields that events have brought to the mirror before this check: their values are cleared. */
async function addLeakedValues(
  client: Queryable,
  changes: FieldChanges,
  before: readonly KnownField[],
  after: readonly KnownField[],
): Promise<FieldChanges> {
  const known = new Set(before.map(({ name }) => name));
  const affected = new Map(changes.affected);
  for (const { name, calculated, mirrored, eventType } of after) {
    if (known.has(name) || !calculated || mirrored || eventType === null) continue;
    if (await hasValues(client, name)) affected.set(name, 'deselected');
  }
  return { ...changes, affected };
}

async function lockFieldChecks(client: pg.PoolClient): Promise<void> {
  await client.query({
    name: 'lock-field-checks',
    text: `select pg_advisory_xact_lock(${advisoryLocks.fieldChecks})`,
  });
}

const compared = [
  'fieldId',
  'eventType',
  'type',
  'length',
  'defaultValue',
  'calculated',
  'label',
  'readable',
  'mirrored',
] as const satisfies readonly (keyof KnownField)[];

function isSame(before: readonly KnownField[], after: readonly KnownField[]): boolean {
  const known = new Map(before.map((field) => [field.name, field]));
  const shown = after.every((field) => {
    const one = known.get(field.name);
    if (one === undefined) return false;
    // What describe does not show keeps its last description.
    if (!field.readable)
      return !one.readable && one.fieldId === field.fieldId && one.eventType === field.eventType;
    return compared.every((property) => one[property] === field[property]);
  });
  const names = new Set(after.map(({ name }) => name));
  return shown && before.every(({ name, readable }) => !readable || names.has(name));
}
