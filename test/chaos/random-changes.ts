import { setTimeout as pause } from 'node:timers/promises';
import type { Simulator } from 'salesforce-simulator';
import type { SeededRandom } from './seeded-random.ts';

type Values = Record<string, string | number | null>;
type Tx = Parameters<Parameters<Simulator['org']['transaction']>[1]>[0];

/** What people do in the org, at random: one transaction a call. */
export type RandomChanges = {
  /** Families of accounts that are only ever changed together: see {@link familyName}. */
  readonly families: number;
  /** Accounts that were made here: each of them gets a code. */
  readonly created: ReadonlySet<string>;
  readonly transactions: number;
  /** One transaction of a random kind. */
  change(): void;
  /** One transaction with this many new accounts. */
  create(count: number): void;
  /** One transaction that changes accounts without making or removing any. */
  edit(): void;
  /** One transaction of which the bus only says that something changed. */
  hide(): void;
};

/** All accounts of a family have this name, and after each transaction the same account number: its mark. */
export const familyName = (family: number): string => `Family ${family}`;
export const familySize = 6;

export function randomChanges(simulator: Simulator, random: SeededRandom, families = 20): RandomChanges {
  const people = workingIn(simulator);
  const members = Array.from({ length: families }, (_, family) =>
    people.create(familySize, () => ({ Name: familyName(family), AccountNumber: `${family}-0` })),
  );
  const kinds = kindsOfChange(people, members, random);
  const deck = Object.values(kinds).flatMap(({ weight, act }) => Array.from({ length: weight }, () => act));
  return {
    families,
    created: people.created,
    get transactions() {
      return people.transactions;
    },
    change: () => random.pick(deck)(),
    create: (count) => createSome(people, random, count),
    edit: () => random.pick([kinds.family, kinds.update]).act(),
    hide: kinds.gap.act,
  };
}

/** Transactions of a person in the org, and which accounts they made. */
function workingIn({ org }: Simulator) {
  const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
  const created = new Set<string>();
  let transactions = 0;
  const transact = (work: (tx: Tx) => void, tell: 'changes' | 'gaps' = 'changes'): void => {
    transactions++;
    org.transaction(caller, work, tell);
  };
  return {
    created,
    // Members of families are only ever changed together, so they are not among these.
    living: [...org.records()].map(({ id }) => id),
    deleted: [] as string[],
    get transactions() {
      return transactions;
    },
    transact,
    update(ids: Iterable<string>, valuesOf: () => Values, tell?: 'gaps'): void {
      transact((tx) => {
        for (const id of new Set(ids)) tx.update(id, valuesOf());
      }, tell);
    },
    create(count: number, valuesOf: () => Values): string[] {
      const ids: string[] = [];
      transact((tx) => {
        for (let n = 0; n < count; n++) ids.push(insert(tx, valuesOf()));
      });
      for (const id of ids) created.add(id);
      return ids;
    },
  };
}

function insert(tx: Tx, values: Values): string {
  const result = tx.insert(values);
  if (result.success) return result.id;
  throw new Error(`the org refused an account: ${JSON.stringify(result.errors)}`);
}

function createSome(people: People, random: SeededRandom, count: number): void {
  const name = (): Values => ({ Name: `Made ${people.created.size}`, ...someValues(random) });
  people.living.push(...people.create(count, name));
}

/** What can happen in one transaction, and how often it does among a hundred or so. */
function kindsOfChange(people: People, members: readonly (readonly string[])[], random: SeededRandom) {
  const { living, deleted } = people;
  const takeOne = (ids: string[]): string[] => ids.splice(random.integer(Math.max(1, ids.length)), 1);
  const family = (): void => {
    const one = random.integer(members.length);
    const AccountNumber = `${one}-${people.transactions}`;
    // A site of its own for each: equal changes would be reported in one event, and an event has no halves.
    people.update(members[one] ?? [], () => ({
      ...someValues(random),
      AccountNumber,
      Site: `Berth ${random.integer(1_000_000)}`,
    }));
  };
  const update = (): void => {
    const ids = Array.from({ length: random.between(1, 12) }, () => random.pick(living));
    people.update(ids, () => someValues(random));
  };
  // Equal changes of many records, which Salesforce may tell in one event.
  const sweep = (): void => {
    const first = random.integer(Math.max(1, living.length - 250));
    const values = someValues(random);
    people.update(living.slice(first, first + 250), () => values);
  };
  // The bus only says that something changed. Not for families: single accounts are read again.
  const gap = (): void => people.update([random.pick(living)], () => someValues(random), 'gaps');
  const create = (): void => createSome(people, random, random.chance(0.1) ? 40 : random.between(1, 4));
  const remove = (): void => {
    for (const id of takeOne(living)) {
      deleted.push(id);
      people.transact((tx) => tx.delete(id));
    }
  };
  const restore = (): void => {
    for (const id of takeOne(deleted)) {
      living.push(id);
      people.transact((tx) => tx.undelete(id));
    }
  };
  return {
    family: { weight: 30, act: family },
    update: { weight: 40, act: update },
    sweep: { weight: 2, act: sweep },
    gap: { weight: 2, act: gap },
    create: { weight: 14, act: create },
    remove: { weight: 8, act: remove },
    restore: { weight: 6, act: restore },
  };
}

type People = ReturnType<typeof workingIn>;

/** Makes one change after the other, for as long as that is wanted. */
export async function changeWhile(
  goesOn: () => boolean,
  change: () => void,
  random: SeededRandom,
): Promise<void> {
  while (goesOn()) {
    change();
    await pause(random.between(20, 180));
  }
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
