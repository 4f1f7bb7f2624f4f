import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { SeededRandom } from './seeded-random.ts';

type Values = Record<string, string | number | null>;
type Tx = Parameters<Parameters<Sandbox['org']['transaction']>[1]>[0];

/** What people do in the org, at random: one transaction a call. */
export type RandomChanges = {
  /** Families of accounts that are only ever changed together: see {@link familyName}. */
  readonly families: number;
  /** Accounts that were made here: each of them gets a code. */
  readonly created: ReadonlySet<string>;
  readonly transactions: number;
  /** One transaction of a random kind. */
  change(): void;
  /** One transaction with so many new accounts. */
  create(count: number): void;
  /** One transaction that changes accounts without making or removing any. */
  edit(): void;
};

/** All accounts of a family have this name, and after each transaction the same account number: its mark. */
export const familyName = (family: number): string => `Family ${family}`;
export const familySize = 6;

export function randomChanges(sandbox: Sandbox, random: SeededRandom, families = 20): RandomChanges {
  const { org } = sandbox;
  const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
  const created = new Set<string>();
  const living = [...org.records()].map(({ id }) => id);
  const deleted: string[] = [];
  let transactions = 0;

  const transact = (work: (tx: Tx) => void, tell: 'changes' | 'gaps' = 'changes'): void => {
    transactions++;
    org.transaction(caller, work, tell);
  };
  const insert = (tx: Tx, values: Values): string => {
    const result = tx.insert(values);
    if (!result.success) throw new Error(`the org refused an account: ${JSON.stringify(result.errors)}`);
    created.add(result.id);
    return result.id;
  };
  const create = (count: number): void =>
    transact((tx) => {
      for (let n = 0; n < count; n++)
        living.push(insert(tx, { Name: `Made ${created.size}`, ...someValues(random) }));
    });
  const members = Array.from({ length: families }, (_, family) => {
    const ids: string[] = [];
    transact((tx) => {
      for (let n = 0; n < familySize; n++)
        ids.push(insert(tx, { Name: familyName(family), AccountNumber: `${family}-0` }));
    });
    return ids;
  });

  const kinds = {
    family: {
      weight: 30,
      act: () => {
        const family = random.integer(families);
        const values = { ...someValues(random), AccountNumber: `${family}-${transactions}` };
        transact((tx) => {
          for (const id of members[family] ?? []) tx.update(id, values);
        });
      },
    },
    update: {
      weight: 40,
      act: () => {
        const ids = Array.from({ length: random.between(1, 12) }, () => random.pick(living));
        transact((tx) => {
          for (const id of new Set(ids)) tx.update(id, someValues(random));
        });
      },
    },
    sweep: {
      weight: 2,
      act: () => {
        const first = random.integer(Math.max(1, living.length - 250));
        const values = someValues(random);
        transact((tx) => {
          for (const id of living.slice(first, first + 250)) tx.update(id, values);
        });
      },
    },
    // The bus only says that something changed; families are left out, as single accounts are read again.
    gap: {
      weight: 2,
      act: () => {
        const id = random.pick(living);
        transact((tx) => tx.update(id, someValues(random)), 'gaps');
      },
    },
    create: {
      weight: 14,
      act: () => create(random.chance(0.1) ? 40 : random.between(1, 4)),
    },
    remove: {
      weight: 8,
      act: () => {
        const [id] = living.splice(random.integer(living.length), 1);
        if (id === undefined) return;
        deleted.push(id);
        transact((tx) => tx.delete(id));
      },
    },
    restore: {
      weight: 6,
      act: () => {
        const [id] = deleted.splice(random.integer(Math.max(1, deleted.length)), 1);
        if (id === undefined) return;
        living.push(id);
        transact((tx) => tx.undelete(id));
      },
    },
  };
  const deck = Object.values(kinds).flatMap(({ weight, act }) => Array.from({ length: weight }, () => act));

  return {
    families,
    created,
    get transactions() {
      return transactions;
    },
    change: () => random.pick(deck)(),
    create,
    edit: () => random.pick([kinds.family, kinds.update]).act(),
  };
}

/** New values of a few fields; some are cleared. */
function someValues(random: SeededRandom): Values {
  const values: Values = {};
  for (let n = random.between(1, 4); n > 0; n--) {
    const [name, make] = random.pick(fields);
    values[name] = random.chance(0.2) ? null : make(random);
  }
  return values;
}

const dayMs = 86_400_000;
const fields: readonly (readonly [string, (random: SeededRandom) => string | number])[] = [
  ['Phone', (random) => `+49 89 ${random.integer(1_000_000)}`],
  ['Description', (random) => 'Größe ± 東京 "quoted" \\ line\nbreak '.repeat(random.between(1, 20)).trim()],
  ['Rating', (random) => random.pick(['Hot', 'Warm', 'Cold'])],
  ['NumberOfEmployees', (random) => random.integer(100_000)],
  ['AnnualRevenue', (random) => random.integer(1_000_000) / 4],
  ['NumberofLocations__c', (random) => random.integer(900)],
  ['SLAExpirationDate__c', (random) => (20_000 + random.integer(2_000)) * dayMs],
  ['BillingStreet', (random) => `${random.integer(100)} Harbour Road`],
  ['BillingCity', (random) => random.pick(['Genova', 'Hull', 'Porto'])],
  ['ShippingPostalCode', (random) => String(random.integer(100_000))],
  ['ShippingLatitude', (random) => random.integer(90_000) / 1_000],
  ['Site', (random) => `Dock ${random.integer(50)}`],
];
