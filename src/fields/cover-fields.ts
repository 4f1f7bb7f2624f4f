import { type Change, deletedField, type Merged, topOf } from '../apply/merge.ts';
import { masterField } from '../salesforce/records.ts';

/**
 * Omits fields that are not mirrored from the change of an event. Salesforce sends fields that the integration user cannot
 * see as empty, and calculated fields not reliably. A field that becomes mirrored is read in all records, so that no value
 * is lost.
 */
export function omitUnmirrored(change: Change, unmirrored: ReadonlySet<string>): Change {
  const isOmitted = (path: string): boolean => unmirrored.has(topOf(path)) && !isAlwaysCovered(path);
  const omitted = [...change.values.keys()].filter(isOmitted);
  if (omitted.length === 0) return change;
  const values = new Map([...change.values].filter(([path]) => !isOmitted(path)));
  return { ...change, values, keptFields: new Set(omitted.map(topOf)) };
}

/** Resolves `keptFields`: a field that the account has a value of is not covered by the snapshot. */
export function keepValues({ values }: Pick<Merged, 'values'>, change: Change): Change {
  const { keptFields, ...rest } = change;
  if (keptFields === undefined || change.kind === 'patch') return rest;
  const kept = [...values].flatMap(([path, value]) =>
    value !== null && keptFields.has(topOf(path)) && !isAlwaysCovered(path) ? [topOf(path)] : [],
  );
  return kept.length === 0
    ? rest
    : { ...rest, unreadFields: new Set([...(rest.unreadFields ?? []), ...kept]) };
}

/** What reads and events always tell, although change events do not carry it as a field. */
function isAlwaysCovered(path: string): boolean {
  return path === deletedField || path === masterField;
}
