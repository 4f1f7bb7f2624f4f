import type { DescribedKnownField, KnownField } from './known-field.ts';

/**
 * Why the values of a field may have changed in existing records without events:
 * - `added`: it did not exist, or events did not carry it; a checkbox has its default in every record
 * - `re-created`: it was deleted and created again under its name, without its values
 * - `readable again`: the integration user could not see it
 * - `selected`: a calculated field that is mirrored from now on
 * - `deselected`: a calculated field that is not mirrored any more; its values are cleared
 * - `new type`: its values were converted
 * - `shorter`: its values may have been truncated
 * - `new default`: it may have been filled in existing records
 */
export const fieldChangeKinds = [
  'added',
  're-created',
  'readable again',
  'selected',
  'deselected',
  'new type',
  'shorter',
  'new default',
] as const;

export type FieldChangeKind = (typeof fieldChangeKinds)[number];

export type FieldChanges = {
  /** Fields to read again in all records, by their name in change events. */
  readonly affected: ReadonlyMap<string, FieldChangeKind>;
  /** Fields that were deleted, hidden or removed from change events: the mirror keeps their values. */
  readonly lost: readonly string[];
};

/**
 * Compares what Salesforce described before with what it describes now. A renamed field is lost under its old name and
 * added under its new one.
 */
export function compareFields(
  before: readonly KnownField[],
  after: readonly DescribedKnownField[],
): FieldChanges {
  const known = new Map(before.map((field) => [field.name, field]));
  const affected = new Map<string, FieldChangeKind>();
  for (const field of after) {
    const kind = changeOf(known.get(field.name), field);
    if (kind !== undefined && !affected.has(field.top)) affected.set(field.top, kind);
  }
  const kept = new Set(
    after.flatMap(({ name, mirrored, calculated }) => (mirrored || calculated ? [name] : [])),
  );
  const lost = before.flatMap(({ name, mirrored }) => (mirrored && !kept.has(name) ? [name] : []));
  return { affected, lost };
}

function changeOf(before: KnownField | undefined, after: KnownField): FieldChangeKind | undefined {
  if (!after.mirrored) return before?.mirrored === true && after.calculated ? 'deselected' : undefined;
  if (before === undefined) return after.calculated ? 'selected' : 'added';
  if (differ(before.fieldId, after.fieldId)) return 're-created';
  if (!before.readable) return 'readable again';
  if (!before.mirrored) return after.calculated ? 'selected' : 'added';
  if (differ(before.type, after.type) || differ(before.eventType, after.eventType)) return 'new type';
  if (before.length !== null && after.length !== null && after.length < before.length) return 'shorter';
  return before.defaultValue === after.defaultValue ? undefined : 'new default';
}

/** Whether both are known and differ. */
function differ(before: string | null, after: string | null): boolean {
  return before !== null && after !== null && before !== after;
}

/** `added Tier__c, Vip__c; shorter Note__c` */
export function describeChanges({ affected }: FieldChanges): string {
  return fieldChangeKinds
    .flatMap((kind) => {
      const names = [...affected].flatMap(([name, own]) => (own === kind ? [name] : []));
      return names.length === 0 ? [] : [`${kind} ${names.join(', ')}`];
    })
    .join('; ');
}
