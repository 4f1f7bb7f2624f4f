import avro from 'avsc';
import { compileSchema } from '../../src/salesforce/writer-schema.ts';

/** A small AccountChangeEvent schema with every kind of field that a real one has. */
export const testSchemaJson = JSON.stringify({
  type: 'record',
  name: 'AccountChangeEvent',
  namespace: 'com.sforce.eventbus',
  fields: [
    { name: 'ChangeEventHeader', type: headerType(), doc: 'Data:ComplexValueType' },
    {
      name: 'Name',
      type: ['null', 'string', personName()],
      default: null,
      doc: 'Data:Switchable_PersonName',
    },
    nullable('Industry', 'string', 'Data:DynamicEnum'),
    nullable('Description', 'string', 'Data:StringPlusClob'),
    { name: 'BillingAddress', type: ['null', address()], default: null, doc: 'Data:Address' },
    nullable('ShippingAddress', 'Address', 'Data:Address'),
    nullable('AnnualRevenue', 'double', 'Data:Currency'),
    nullable('NumberOfEmployees', 'int', 'Data:Integer'),
    nullable('Active__c', 'boolean', 'Data:Boolean'),
    nullable('CreatedDate', 'long', 'CreatedDate:DateTime'),
    nullable('LastModifiedDate', 'long', 'Data:DateTime'),
    nullable('Expires__c', 'long', 'Data:DateOnly:00N000000000001'),
    nullable('Opens__c', 'long', 'Data:TimeOnly:00N000000000002'),
    nullable('Counter__c', 'long', 'Data:Long'),
    nullable('SignUpCode__c', 'string', 'Data:Text:00N000000000003'),
  ],
});

export const testSchema = compileSchema(testSchemaJson);
export const testSchemaId = 'test-schema-0000000000';

/** Raw Avro binary of one event, as the bus carries it. */
export function encodeEvent({ header = {}, fields = {} }: EventInput = {}): Buffer {
  return writer.toBuffer({ ChangeEventHeader: { ...defaultHeader, ...header }, ...fields });
}

/** Bitmaps of field paths by the test schema: `bits('Industry', 'BillingAddress.City')`. */
export function bits(...paths: readonly string[]): string[] {
  const names = testSchema.entityFields.map(({ name }) => name);
  const masks = new Map<string, bigint>();
  for (const path of paths) {
    const [name = '', part] = path.split('.');
    const position = names.indexOf(name);
    const parts = testSchema.entityFields[position]?.parts ?? [];
    const prefix = part === undefined ? '' : `${position}-`;
    const bit = part === undefined ? position : parts.indexOf(part);
    if (position < 0 || bit < 0) throw new Error(`the test schema has no ${path}`);
    masks.set(prefix, (masks.get(prefix) ?? 0n) | (1n << BigInt(bit)));
  }
  return [...masks].map(([prefix, mask]) => {
    const hex = mask.toString(16).toUpperCase();
    return `${prefix}0x${hex.length % 2 === 0 ? hex : `0${hex}`}`;
  });
}

export const accountId = '001000000000001AAA';

const defaultHeader = {
  entityName: 'Account',
  recordIds: [accountId],
  changeType: 'UPDATE',
  changeOrigin: 'com/salesforce/api/rest/66.0;client=Test',
  transactionKey: '00000001-0000-0000-0000-000000000000',
  sequenceNumber: 1,
  commitTimestamp: 1_790_000_000_000n,
  commitNumber: 1_790_000_000_123_456_789n,
  commitUser: '005000000000001AAA',
  nulledFields: [] as readonly string[],
  diffFields: [] as readonly string[],
  changedFields: [] as readonly string[],
};

const writer = avro.Type.forSchema(JSON.parse(testSchemaJson), {
  wrapUnions: 'never',
  registry: { long: bigLong() },
});

function bigLong(): avro.types.LongType {
  return avro.types.LongType.__with({
    fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
    toBuffer(value: bigint) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64LE(value);
      return bytes;
    },
    fromJSON: BigInt,
    toJSON: String,
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  });
}

function headerType() {
  const texts = { type: 'array', items: 'string' };
  return {
    type: 'record',
    name: 'ChangeEventHeader',
    fields: [
      { name: 'entityName', type: 'string' },
      { name: 'recordIds', type: texts },
      { name: 'changeType', type: { type: 'enum', name: 'ChangeType', symbols: changeTypeSymbols() } },
      { name: 'changeOrigin', type: 'string' },
      { name: 'transactionKey', type: 'string' },
      { name: 'sequenceNumber', type: 'int' },
      { name: 'commitTimestamp', type: 'long' },
      { name: 'commitNumber', type: 'long' },
      { name: 'commitUser', type: 'string' },
      { name: 'nulledFields', type: texts },
      { name: 'diffFields', type: texts },
      { name: 'changedFields', type: texts },
    ],
  };
}

/** Ends with a kind of change that does not exist yet. */
function changeTypeSymbols(): string[] {
  const changes = ['CREATE', 'UPDATE', 'DELETE', 'UNDELETE'];
  return [...changes, ...changes.map((change) => `GAP_${change}`), 'GAP_OVERFLOW', 'SNAPSHOT', 'TELEPORT'];
}

function personName() {
  return {
    type: 'record',
    name: 'Switchable_PersonName',
    fields: ['Salutation', 'FirstName', 'LastName'].map((name) => nullable(name, 'string')),
  };
}

function address() {
  const texts = ['Street', 'City', 'State', 'PostalCode', 'Country'].map((name) => nullable(name, 'string'));
  const places = ['Latitude', 'Longitude'].map((name) => nullable(name, 'double'));
  return { type: 'record', name: 'Address', fields: [...texts, ...places] };
}

function nullable(name: string, type: string, doc?: string) {
  return { name, type: ['null', type], default: null, ...(doc === undefined ? {} : { doc }) };
}

export type EventInput = {
  readonly header?: Partial<typeof defaultHeader>;
  /** Values by Avro field name; what is missing is null, longs are bigint. */
  readonly fields?: Readonly<Record<string, unknown>>;
};
