import type { Connection } from 'jsforce';
import { type TSchema, Type } from 'typebox';
import type { FieldValues, Scalar } from './change-event.ts';
import { badAnswer } from './error.ts';
import { capitalise, fromRest } from './field-value.ts';
import { parseRecordId } from './record-id.ts';
import { callRest } from './rest-call.ts';
import type { SchemaField } from './writer-schema.ts';

/** The account into which an account was merged. Change events do not have it. */
export const masterField = 'MasterRecordId';

/** An account read by REST or Bulk, in the form of change events. */
export class AccountRead {
  readonly id: string;
  readonly deleted: boolean;
  /** Epoch milliseconds. */
  readonly systemModstamp: number;
  /** The value of each path of the plan. */
  readonly scalars: readonly Scalar[];
  readonly #plan: ReadPlan;

  /** @throws SalesforceError if the record has no id or timestamp */
  constructor(
    row: { readonly id: unknown; readonly deleted: boolean; readonly systemModstamp: unknown },
    scalars: readonly Scalar[],
    plan: ReadPlan,
  ) {
    const id = parseRecordId(String(row.id));
    const systemModstamp = Date.parse(String(row.systemModstamp));
    if (id === undefined || Number.isNaN(systemModstamp))
      throw badAnswer('a record has no Id or SystemModstamp');
    this.id = id;
    this.deleted = row.deleted;
    this.systemModstamp = systemModstamp;
    this.scalars = scalars;
    this.#plan = plan;
  }

  /** The values by path, made by each call. */
  get values(): FieldValues {
    const { paths } = this.#plan;
    const values = new Map<string, Scalar>();
    for (const [index, path] of paths.entries()) {
      const value = this.scalars[index] ?? null;
      // Change events do not have it.
      if (value !== null || path !== masterField) values.set(path, value);
    }
    return values;
  }
}

export type DescribedField = {
  readonly name: string;
  readonly type: string;
  /** The compound field that contains this one: `BillingAddress` of `BillingCity`. */
  readonly compound?: string | null;
  readonly label?: string;
  /** Maximum number of characters; 0 if it has none. */
  readonly length?: number;
  readonly precision?: number;
  readonly scale?: number;
  readonly defaultValue?: string | null;
  /** Whether Salesforce computes the value: a formula, a roll-up summary, an auto-updated field. */
  readonly calculated?: boolean;
};

/** Reads the fields of Account that the user can see. @throws SalesforceError */
export async function describeAccount(connection: Connection): Promise<DescribedField[]> {
  const { fields } = await callRest(connection, '/sobjects/Account/describe', { shape: description });
  return fields.map((field) => ({
    name: field.name,
    type: field.type,
    compound: field.compoundFieldName ?? null,
    ...(field.label !== undefined && { label: field.label }),
    length: field.length ?? 0,
    precision: field.precision ?? 0,
    scale: field.scale ?? 0,
    defaultValue: defaultText(field.defaultValueFormula ?? field.defaultValue),
    calculated: field.calculated ?? false,
  }));
}

const nullable = <Schema extends TSchema>(schema: Schema) => Type.Optional(Type.Union([schema, Type.Null()]));

/** The used part of a description. Source: "DescribeSObjectResult", SOAP API guide. */
const description = Type.Object({
  fields: Type.Array(
    Type.Object({
      name: Type.String(),
      type: Type.String(),
      compoundFieldName: nullable(Type.String()),
      label: Type.Optional(Type.String()),
      length: nullable(Type.Integer()),
      precision: nullable(Type.Integer()),
      scale: nullable(Type.Integer()),
      defaultValue: Type.Optional(Type.Unknown()),
      defaultValueFormula: Type.Optional(Type.Unknown()),
      calculated: nullable(Type.Boolean()),
    }),
  ),
});

const userInfo = Type.Object({ organization_id: Type.String(), user_id: Type.String() });

function defaultText(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value);
}

/** Reads the signed-in user and the org. @throws SalesforceError */
export async function identify(connection: Connection): Promise<{ organizationId: string; userId: string }> {
  const url = `${connection.instanceUrl}/services/oauth2/userinfo`;
  const info = await callRest(connection, url, { shape: userInfo });
  return {
    organizationId: parseRecordId(info.organization_id) ?? info.organization_id,
    userId: parseRecordId(info.user_id) ?? info.user_id,
  };
}

/** The fields to read: those of change events, because no event would update others, and selected calculated fields. */
export type ReadPlan = {
  /** Names of fields, in the order in which they are selected. */
  readonly names: readonly string[];
  readonly fields: readonly SchemaField[];
  /** Paths of the values of a record, in the order of {@link AccountRead.scalars}. */
  readonly paths: readonly string[];
  readonly types: ReadonlyMap<string, string>;
  /** Fields of the parts of compound fields, for Bulk: `BillingAddress` → `City` → `BillingCity`. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Labels by path. */
  readonly labels: ReadonlyMap<string, string>;
};

/**
 * Plans to read what the user can see.
 * @param schema the fields of change events
 * @param calculatedFields names of the calculated fields to read; others are omitted, even if events carry them
 * @param only limits the plan to these fields
 */
export function planRead(
  schema: readonly SchemaField[],
  described: readonly DescribedField[],
  calculatedFields: ReadonlySet<string> = new Set(),
  only?: ReadonlySet<string>,
): ReadPlan {
  const types = new Map(described.map(({ name, type }) => [name, type]));
  const calculated = described.flatMap(({ name, calculated }) => (calculated === true ? [name] : []));
  const omitted = new Set(calculated.filter((name) => !calculatedFields.has(name)));
  const inSchema = new Set(schema.map(({ name }) => name));
  const selected = calculated.filter((name) => calculatedFields.has(name) && !inSchema.has(name));
  const fields = [...schema, ...selected.map(fieldWithoutEvents)].filter(
    ({ name }) => types.has(name) && !omitted.has(name) && (only?.has(name) ?? true),
  );
  const names = fields.flatMap((field) => [field.name, ...personParts(field, types)]);
  const master = types.has(masterField) && only === undefined ? [masterField] : [];
  const columns = [...new Set(['Id', 'IsDeleted', 'SystemModstamp', ...names, ...master])];
  const parts = partFields(described);
  const paths = [...fields.flatMap((field) => pathsOf(field, types)), masterField];
  return { names: columns, fields, paths, types, parts, labels: labelsOf(fields, described, parts) };
}

function fieldWithoutEvents(name: string): SchemaField {
  return { name, parts: [], kind: 'plain' };
}

function labelsOf(
  fields: readonly SchemaField[],
  described: readonly DescribedField[],
  parts: ReadPlan['parts'],
): Map<string, string> {
  const byName = new Map(
    described.flatMap(({ name, label }) => (label === undefined ? [] : [[name, label]])),
  );
  const paths = fields.flatMap((field): [string, string][] => [
    [field.name, field.name],
    ...field.parts.map((part): [string, string] => [
      `${field.name}.${part}`,
      parts.get(field.name)?.get(part) ?? part,
    ]),
  ]);
  return new Map(
    paths.flatMap(([path, name]) => {
      const label = byName.get(name);
      return label === undefined ? [] : [[path, label]];
    }),
  );
}

function partFields(described: readonly DescribedField[]): Map<string, Map<string, string>> {
  const compounds = Map.groupBy(
    described.filter(
      ({ compound, name }) => compound !== null && compound !== undefined && compound !== name,
    ),
    ({ compound }) => String(compound),
  );
  return new Map(
    [...compounds].map(([compound, own]) => [
      compound,
      new Map(own.map(({ name }) => [partName(compound, name), name])),
    ]),
  );
}

/** `BillingAddress`, `BillingCity` → `City`; `Site__c`, `Site__Latitude__s` → `Latitude` */
export function partName(compound: string, field: string): string {
  const stem = compound.replace(/(Address|__c|__pc)$/, '');
  const own = field.startsWith(stem) ? field.slice(stem.length) : field;
  return own.replace(/^__/, '').replace(/__(s|ps|c|pc)$/, '');
}

/** The paths of the values of a field. */
function pathsOf(field: SchemaField, types: ReadPlan['types']): string[] {
  const parts = isCompound(types.get(field.name)) ? field.parts : personParts(field, types);
  return [field.name, ...parts.map((part) => `${field.name}.${part}`)];
}

/** Whether it is the type of a compound field. */
export function isCompound(type: string | undefined): boolean {
  return type === 'address' || type === 'location';
}

/** Converts a REST row, which has compound fields as objects. @throws SalesforceError */
export function toRead(row: RestRow, plan: ReadPlan): AccountRead {
  const { fields, types } = plan;
  const scalars: Scalar[] = [];
  for (const field of fields) {
    if (isCompound(types.get(field.name))) addCompound(scalars, field, row[field.name]);
    else addPlain(scalars, field, row, types);
  }
  scalars.push(fromRest(row[masterField], 'reference'));
  const [id, systemModstamp] = [row['Id'], row['SystemModstamp']];
  return new AccountRead({ id, deleted: row['IsDeleted'] === true, systemModstamp }, scalars, plan);
}

/** `{ street, city }` in REST is `Street`, `City` in change events. */
function addCompound(scalars: Scalar[], { parts }: SchemaField, value: unknown): void {
  const compound = new Map(
    Object.entries(value ?? {}).map(([part, content]) => [capitalise(part), fromRest(content, 'string')]),
  );
  scalars.push(null);
  for (const part of parts) scalars.push(compound.get(part) ?? null);
}

/** The name of a person has parts, as in change events; that of a company is one text. */
function addPlain(
  scalars: Scalar[],
  field: SchemaField,
  row: RestRow,
  types: ReadonlyMap<string, string>,
): void {
  const parts = personParts(field, types);
  const isPerson = parts.some((part) => row[part] !== null && row[part] !== undefined);
  scalars.push(isPerson ? null : fromRest(row[field.name], types.get(field.name) ?? 'string'));
  for (const part of parts) scalars.push(isPerson ? fromRest(row[part], 'string') : null);
}

export function personParts(field: SchemaField, types: ReadonlyMap<string, string>): string[] {
  return field.name === 'Name' ? field.parts.filter((part) => types.has(part)) : [];
}

export type RestRow = Readonly<Record<string, unknown>>;
