import type {
  FieldDefinition,
  FieldType,
  FieldValue,
  RecordValues,
  SaveResult,
} from 'salesforce-simulator/org/model.ts';
import type { LiveMirror } from '../helpers/live-mirror.ts';
import type { SeededRandom } from './seeded-random.ts';

/** Random changes of the fields of an org and of its accounts. */
export type RandomSchemaChanges = {
  /** Makes one change, and returns its kind. */
  change(): string;
  /** Allows further changes of the fields that were changed: the service has compared them with Salesforce. */
  compared(): void;
};

const longName = (end: string): string => `Long_${'x'.repeat(70)}_${end}`;

/** Words of SQL, names of columns of the table, names that differ in case, and names that PostgreSQL cuts. */
const newNames = [
  'select',
  'Order',
  'USER',
  'Table__c',
  'additional_fields',
  'Additional_Fields_2',
  'IsDeleted__c',
  'SystemModstamp__c',
  'Id__c',
  'Tier__c',
  'TIER__c',
  'tier__C',
  longName('A'),
  longName('B'),
  longName('a'),
];

const types: readonly FieldType[] = [
  'string',
  'textarea',
  'picklist',
  'multipicklist',
  'double',
  'currency',
  'int',
  'boolean',
  'date',
  'datetime',
];

const officeParts = [
  ['Street', 'textarea'],
  ['City', 'string'],
  ['State', 'string'],
  ['PostalCode', 'string'],
  ['Country', 'string'],
  ['Latitude', 'double'],
  ['Longitude', 'double'],
  ['GeocodeAccuracy', 'picklist'],
] as const;

export function randomSchemaChanges(mirror: LiveMirror, random: SeededRandom): RandomSchemaChanges {
  const { org } = mirror.simulator;
  // A change that is reverted before the service has compared the fields is not found.
  const changed = new Set<string>();
  const active = mirror.accountIds();
  const deleted: string[] = [];

  const mayChange = ({ name }: FieldDefinition): boolean => !changed.has(name.toLowerCase());
  const custom = (): FieldDefinition[] =>
    org
      .fields()
      .filter(
        (field) =>
          field.custom && !field.unique && field.type !== 'address' && field.compoundFieldName === null,
      );
  const pickField = (matches: (field: FieldDefinition) => boolean): FieldDefinition | undefined => {
    const fields = custom().filter((field) => mayChange(field) && matches(field));
    return fields.length === 0 ? undefined : random.pick(fields);
  };
  const definition = (name: string, type = random.pick(types)) => ({
    name,
    type,
    custom: true,
    ...(type === 'boolean' && { defaultValue: random.chance(0.5) }),
    ...(type === 'double' && { scale: 4 }),
  });
  const unusedName = (): string | undefined =>
    random
      .shuffle(newNames)
      .find((name) => org.field(name) === undefined && !changed.has(name.toLowerCase()));
  const add = (name: string, type?: FieldType): void => {
    org.addField(definition(name, type));
    changed.add(name.toLowerCase());
  };
  const values = (count: number): RecordValues => {
    const writable = org
      .fields()
      .filter(
        ({ type, custom: own, unique, name }) => own && !unique && type !== 'address' && name !== 'Name',
      );
    const chosen = random.shuffle(writable).slice(0, count);
    return Object.fromEntries(chosen.map((field) => [field.name, randomValue(field, random)]));
  };
  const takeOne = (ids: string[]): string[] => ids.splice(random.integer(Math.max(1, ids.length)), 1);
  const someIds = (): string[] => random.shuffle(active).slice(0, random.between(1, 4));
  const updateSome = (tx: Parameters<Parameters<LiveMirror['inGaps']>[0]>[0]): void => {
    for (const id of someIds()) expectSaved(tx.update(id, values(4)));
  };

  const kinds: Record<string, readonly [weight: number, act: () => void]> = {
    add: [
      6,
      () => {
        const name = unusedName();
        if (name !== undefined) add(name);
      },
    ],
    'add a compound field': [
      1,
      () => {
        if (org.field('OfficeAddress') !== undefined || changed.has('officeaddress')) return;
        org.addFields([
          { name: 'OfficeAddress', type: 'address', custom: true, createable: false, updateable: false },
          ...officeParts.map(([part, type]) => ({
            name: `Office${part}`,
            type,
            custom: true,
            compoundFieldName: 'OfficeAddress',
            ...(type === 'double' && { scale: 15 }),
          })),
        ]);
        changed.add('officeaddress');
      },
    ],
    'remove a compound field': [
      1,
      () => {
        if (org.field('OfficeAddress') === undefined || changed.has('officeaddress')) return;
        // With its parts.
        org.removeField('OfficeAddress');
        changed.add('officeaddress');
      },
    ],
    remove: [
      3,
      () => {
        const field = pickField(() => true);
        if (field === undefined) return;
        org.removeField(field.name);
        changed.add(field.name.toLowerCase());
      },
    ],
    're-create': [
      3,
      () => {
        const field = pickField(() => true);
        if (field === undefined) return;
        org.removeField(field.name);
        add(field.name, random.chance(0.5) ? field.type : undefined);
      },
    ],
    rename: [
      2,
      () => {
        const field = pickField(() => true);
        const name = unusedName();
        if (field === undefined || name === undefined) return;
        const kept = [...org.records()].filter(({ isDeleted }) => !isDeleted);
        org.removeField(field.name);
        org.addField({ ...field, name });
        changed.add(name.toLowerCase()).add(field.name.toLowerCase());
        mirror.silently((tx) => {
          for (const record of kept) tx.update(record.id, { [name]: record.values[field.name] ?? null });
        });
      },
    ],
    retype: [
      4,
      () => {
        const field = pickField(() => true);
        if (field === undefined) return;
        const { name: _, custom: own, ...change } = definition(field.name);
        org.changeField(field.name, { ...change, custom: own });
        changed.add(field.name.toLowerCase());
      },
    ],
    shorten: [
      2,
      () => {
        const field = pickField(({ type, length }) => type === 'string' && length > 3);
        if (field === undefined) return;
        org.changeField(field.name, { type: 'string', custom: true, length: 3 });
        changed.add(field.name.toLowerCase());
      },
    ],
    'change a default': [
      2,
      () => {
        const field = pickField(({ type }) => type === 'boolean');
        if (field === undefined) return;
        org.changeField(field.name, {
          type: 'boolean',
          custom: true,
          defaultValue: field.defaultValue !== true,
        });
        changed.add(field.name.toLowerCase());
      },
    ],
    create: [
      5,
      () => {
        const name = `New ${random.integer(1e6)}`;
        active.push(expectSaved(mirror.inOneTransaction((tx) => tx.insert({ Name: name, ...values(5) }))));
      },
    ],
    update: [14, () => mirror.inOneTransaction(updateSome)],
    'update in gaps': [2, () => mirror.inGaps(updateSome)],
    delete: [
      3,
      () => {
        if (active.length < 3) return;
        for (const id of takeOne(active)) {
          mirror.inOneTransaction((tx) => tx.delete(id));
          deleted.push(id);
        }
      },
    ],
    undelete: [
      2,
      () => {
        for (const id of takeOne(deleted)) {
          mirror.inOneTransaction((tx) => tx.undelete(id));
          active.push(id);
        }
      },
    ],
  };
  const deck = Object.entries(kinds).flatMap(([kind, [weight]]) =>
    Array.from({ length: weight }, () => kind),
  );
  return {
    change() {
      const kind = random.pick(deck);
      kinds[kind]?.[1]();
      return kind;
    },
    compared: () => changed.clear(),
  };
}

/** @returns the id of the saved record */
function expectSaved(result: SaveResult): string {
  if (result.success) return result.id;
  throw new Error(`the org refused a change: ${JSON.stringify(result.errors)}`);
}

const dayMs = 86_400_000;

function randomValue(field: FieldDefinition, random: SeededRandom): FieldValue {
  if (field.type !== 'boolean' && random.chance(0.15)) return null;
  switch (field.type) {
    case 'boolean':
      return random.chance(0.5);
    case 'int':
      return random.integer(1_000_000) - 500_000;
    case 'double':
    case 'currency':
    case 'percent':
      return random.integer(Math.min(1_000_000, 10 ** (field.precision - field.scale))) / 4;
    case 'date':
      return (20_000 + random.integer(2_000)) * dayMs;
    case 'datetime':
      return (20_000 + random.integer(2_000)) * dayMs + random.integer(dayMs);
    default: {
      const text = random.pick([
        'gold',
        '42',
        'true',
        '2026-11-29',
        'Größe "x" \\ 東京',
        `t${random.integer(1e9)}`,
      ]);
      return text.slice(0, field.length || undefined).trim();
    }
  }
}
