import type { DescribedField } from '../salesforce/records.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';

/** A field as Salesforce last described it, by the schema of change events and by describe. */
export type KnownField = {
  readonly name: string;
  /** Id of a custom field: one that is created again under the same name has another id. Null if unknown. */
  readonly fieldId: string | null;
  /** Its type in change events; null if they do not carry it. A part of a compound field has that of the field. */
  readonly eventType: string | null;
  /** Its type in describe, numbers with precision and scale: `double(16,2)`. Null if describe does not show it. */
  readonly type: string | null;
  /** Maximum number of characters; null if describe does not show it or it has no length. */
  readonly length: number | null;
  readonly defaultValue: string | null;
  /** A formula, a roll-up or another field whose value changes without an event. */
  readonly calculated: boolean;
  readonly label: string | null;
  /** Whether describe shows the field to the integration user. */
  readonly readable: boolean;
  /** Whether its values are mirrored: readable, and carried by events or, if calculated, selected. */
  readonly mirrored: boolean;
};

/** A field that Salesforce describes now. */
export type DescribedKnownField = KnownField & {
  /** The field of change events that contains it: `BillingAddress` for `BillingCity`, otherwise its own name. */
  readonly top: string;
};

/**
 * Joins the schema of change events with describe.
 * @param schema the fields of the schema without the header
 * @param selected names of calculated fields to mirror
 */
export function knownFields(
  schema: readonly SchemaField[],
  described: readonly DescribedField[],
  selected: ReadonlySet<string>,
): DescribedKnownField[] {
  const inSchema = new Map(schema.map((field) => [field.name, field]));
  const inDescribe = new Map(described.map((field) => [field.name, field]));
  return [...new Set([...inSchema.keys(), ...inDescribe.keys()])].map((name) => {
    const shown = inDescribe.get(name);
    const compound = shown?.compound ?? name;
    const top = inSchema.has(name) || !inSchema.has(compound) ? name : compound;
    const eventType = inSchema.get(top)?.eventType ?? null;
    const calculated = shown?.calculated ?? false;
    const isCarried = calculated ? selected.has(name) : inSchema.has(top);
    return {
      name,
      top,
      fieldId: inSchema.get(name)?.fieldId ?? null,
      eventType,
      type: shown === undefined ? null : typeText(shown),
      length: shown?.length || null,
      defaultValue: shown?.defaultValue ?? null,
      calculated,
      label: shown?.label ?? null,
      readable: shown !== undefined,
      mirrored: shown !== undefined && isCarried,
    };
  });
}

function typeText({ type, precision = 0, scale = 0 }: DescribedField): string {
  return precision > 0 ? `${type}(${precision},${scale})` : type;
}
