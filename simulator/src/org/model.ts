/**
 * The types of fields, records, callers and DML results.
 * Records are flat, by API field name (`BillingStreet`); compound values (`BillingAddress`, the `Name` of a person)
 * are composed for output.
 */

export type FieldType =
  | 'id'
  | 'string'
  | 'textarea'
  | 'phone'
  | 'url'
  | 'email'
  | 'picklist'
  | 'multipicklist'
  | 'reference'
  | 'currency'
  | 'double'
  | 'percent'
  | 'int'
  | 'boolean'
  | 'date'
  | 'datetime'
  | 'time'
  | 'encryptedstring'
  | 'address'
  | 'location';

/** One field of Account as in `describe`, limited to what the simulator enforces or shows. */
export type FieldDefinition = {
  readonly name: string;
  readonly label: string;
  readonly type: FieldType;
  /** Maximum number of characters; 0 if it does not apply. */
  readonly length: number;
  readonly precision: number;
  readonly scale: number;
  readonly nillable: boolean;
  readonly createable: boolean;
  readonly updateable: boolean;
  readonly unique: boolean;
  readonly externalId: boolean;
  readonly custom: boolean;
  readonly defaultValue: FieldValue;
  /** A formula or roll-up field: read-only, and its values can change without an event. */
  readonly calculated: boolean;
  /** Id of a custom field, 15 characters; a field that is created again has another one. Null for standard fields. */
  readonly fieldId: string | null;
  readonly picklistValues: readonly string[];
  readonly referenceTo: readonly string[];
  /** The compound field that contains this one: `BillingAddress` for `BillingCity`. */
  readonly compoundFieldName: string | null;
  /** False for fields that change events never carry: `IsDeleted`, `SystemModstamp`, `PhotoUrl`, … */
  readonly inChangeEvents: boolean;
};

/** Dates and datetimes are epoch milliseconds, times those since midnight, as in change events; REST shows ISO text. */
export type FieldValue = string | number | boolean | null;

/** Flat values by API field name. A missing name means null. */
export type RecordValues = Readonly<Record<string, FieldValue>>;

export type OrgRecord = {
  /** 18 characters. */
  readonly id: string;
  /** Every non-null field, system fields (`Id`, `CreatedDate`, `SystemModstamp`, `IsDeleted`, …) included. */
  readonly values: RecordValues;
  readonly isDeleted: boolean;
};

/** The user and API of a request: they become `commitUser` and `changeOrigin`. */
export type Caller = {
  readonly userId: string;
  readonly api: 'rest' | 'soap' | 'bulkapi';
  /** `66.0` */
  readonly apiVersion: string;
  /** From `Sforce-Call-Options: client=…`. */
  readonly client: string | null;
};

export type SaveError = {
  /** A Salesforce status code: `REQUIRED_FIELD_MISSING`, `DUPLICATE_VALUE`, `ENTITY_IS_DELETED`, … */
  readonly statusCode: string;
  readonly message: string;
  readonly fields: readonly string[];
};

export type SaveResult =
  | { readonly success: true; readonly id: string; readonly created: boolean }
  | { readonly success: false; readonly id: string | null; readonly errors: readonly SaveError[] };

export type User = {
  /** 18 characters, prefix 005. */
  readonly id: string;
  readonly username: string;
  readonly name: string;
  readonly email: string;
};

/** One open transaction: the DML of one request. Calls fail independently; `rollback` undoes all of them. */
export type Transaction = {
  insert(values: RecordValues): SaveResult;
  /** Only the named fields change; null clears. */
  update(id: string, values: RecordValues): SaveResult;
  delete(id: string): SaveResult;
  undelete(id: string): SaveResult;
  /** Deletes the losers in favour of the winner, which counts as updated; one failure refuses all. */
  merge(winner: string, losers: readonly string[]): SaveResult;
  /** By a field that is an external id. Several matches are an error. */
  upsert(externalIdField: string, externalId: string, values: RecordValues): SaveResult;
  rollback(): void;
};

/** The org as the HTTP routes and the tests see it. */
export type Org = {
  /** 18 characters, prefix 00D. */
  readonly organizationId: string;
  readonly users: readonly User[];
  fields(): readonly FieldDefinition[];
  field(name: string): FieldDefinition | undefined;
  /** Adds a custom field, or an optional standard one: later change events have a new schema id. */
  addField(field: Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>): void;
  /**
   * Changes the type of a custom field. An incompatible type empties the field, with one gap event for all
   * accounts. Throws if there is no such custom field.
   */
  changeField(name: string, change: Partial<FieldDefinition> & Pick<FieldDefinition, 'type'>): void;
  /** Removes a custom field with its values, without an event. Throws if there is no such custom field. */
  removeField(name: string): void;
  /**
   * Sets a calculated field in all records, or in those given, as when the result of its formula changes: without an
   * event, and without a change of the records. Throws if there is no such calculated field.
   */
  recalculate(name: string, value: FieldValue, recordIds?: readonly string[]): void;
  /** Accepts 15- and 18-character ids. Deleted records are found too. */
  record(id: string): OrgRecord | undefined;
  /** Every record in the order of creation, including deleted ones. */
  records(): Iterable<OrgRecord>;
  readonly size: number;
  /** Runs the DML of one request; when it returns, the change events are on the bus. */
  transaction<T>(caller: Caller, work: (tx: Transaction) => T): T;
  /** The error of an automation that fails for a whole collection of these accounts; only faults cause one. */
  collectionRefusal(caller: Caller, names: readonly string[]): SaveError | undefined;
  /** Creates accounts without change events. Equal seeds create equal accounts. */
  seed(count: number, seed: number): void;
};
