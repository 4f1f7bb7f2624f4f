import { createHash } from 'node:crypto';
import { readAllAccounts } from '../helpers/all-accounts.ts';
import { differingTexts } from '../helpers/differing-texts.ts';
import type { ApiAccount } from '../helpers/tidemark.ts';
import type { ComparableWorld } from './crash-world.ts';
import { differencesOf } from './expected-account.ts';

/** What was compared, and every difference that was found, a line each. */
export type MirrorCheck = {
  readonly accounts: number;
  readonly events: number;
  readonly codes: number;
  readonly differences: readonly string[];
};

/**
 * Compares everything, once both sides are quiet: every field of every account, every event of the bus, every code.
 * @param created accounts that were made while the service followed the org: each of them has to have a code
 */
export async function checkMirror(
  world: ComparableWorld,
  created: ReadonlySet<string>,
): Promise<MirrorCheck> {
  const accounts = await readAllAccounts((path) => world.get(path));
  const stored = await world.postgres.rows<StoredEvent>(
    `select event_id as "eventId", encode(sha256(payload), 'hex') as digest, state, error from event_log`,
  );
  return {
    accounts: accounts.size,
    events: stored.length,
    codes: [...accounts.values()].filter(({ signupCode }) => signupCode !== null).length,
    differences: [
      ...accountDifferences(world, accounts),
      ...(await textDifferences(world)),
      ...eventDifferences(world, stored),
      ...codeDifferences(accounts, created),
      ...secondCodes(world),
    ],
  };
}

function accountDifferences(
  { simulator }: ComparableWorld,
  accounts: ReadonlyMap<string, ApiAccount>,
): string[] {
  const fields = simulator.org.fields();
  const records = [...simulator.org.records()];
  const known = new Set(records.map(({ id }) => id));
  return [
    ...records.flatMap((record) => differencesOf(record, accounts.get(record.id), fields)),
    ...[...accounts.keys()].filter((id) => !known.has(id)).map((id) => `${id} exists only in the mirror`),
    ...[...accounts.values()].filter(({ stale }) => stale).map(({ id }) => `${id} is still stale`),
  ];
}

/** What accounts are searched by is what they have. */
async function textDifferences({ postgres }: ComparableWorld): Promise<string[]> {
  const rows = await postgres.rows<{ id: string }>(differingTexts);
  return rows.map(({ id }) => `${id} is searched by another text than it has`);
}

/** Every event of the bus is stored exactly once and was applied. */
function eventDifferences({ simulator }: ComparableWorld, stored: readonly StoredEvent[]): string[] {
  const counts = new Map<string, number>();
  for (const { eventId, digest } of stored) {
    const key = `${eventId} ${digest}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const published = simulator.bus
    .retained()
    .flatMap(({ event }) =>
      event === null ? [] : [`${event.id} ${createHash('sha256').update(event.payload).digest('hex')}`],
    );
  const unknown = new Set(counts.keys()).difference(new Set(published));
  return [
    ...published.flatMap((key) => {
      const times = counts.get(key) ?? 0;
      return times === 1 ? [] : [`event ${key} is stored ${times} times`];
    }),
    ...[...unknown].map((key) => `event ${key} was never on the bus`),
    ...stored
      .filter(({ state }) => state !== 'applied')
      .map(({ eventId, state, error }) => `event ${eventId} is ${state}: ${error}`),
  ];
}

/** Codes are unique, and every account that was made meanwhile has one that Salesforce confirmed. */
function codeDifferences(accounts: ReadonlyMap<string, ApiAccount>, created: ReadonlySet<string>): string[] {
  const owners = new Map<string, string>();
  const differences: string[] = [];
  for (const { id, signupCode, codeState, codeError, deletedAt } of accounts.values()) {
    if (signupCode !== null) {
      const owner = owners.get(signupCode);
      if (owner !== undefined) differences.push(`${id} and ${owner} have the same code`);
      owners.set(signupCode, id);
    }
    if (created.has(id) && deletedAt === null && codeState !== 'confirmed') {
      differences.push(`${id} has no confirmed code: ${codeState} ${JSON.stringify(codeError)}`);
    }
  }
  return differences;
}

/** Accounts to which more than one code was ever written, by the org's own record of every write. */
function secondCodes({ simulator: { audit } }: ComparableWorld): string[] {
  return [...audit.codes()].flatMap(([id, codes]) =>
    codes.length > 1 ? [`${id} was written ${codes.length} codes: ${codes.join(', ')}`] : [],
  );
}

type StoredEvent = {
  readonly eventId: string;
  readonly digest: string;
  readonly state: string;
  readonly error: string | null;
};
