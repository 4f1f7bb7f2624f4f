import { setTimeout as pause } from 'node:timers/promises';
import { type Mix, mixedErrorOf } from 'salesforce-simulator/faults/record-faults.ts';
import { type CrashWorld, startCrashWorld } from './crash-world.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import { checkWriteBacks, type WriteBackCheck } from './write-back-check.ts';

export type WriteBackRunOptions = {
  readonly seed: number;
  /** How long accounts are made and the service is killed, in milliseconds; then it is left to finish. */
  readonly durationMs: number;
  /** How long that may take, in milliseconds. */
  readonly quietLimitMs: number;
  /** Error codes in addition to the usual ones: those with retries after minutes. */
  readonly withWindows: boolean;
  readonly onProgress?: (line: string) => void;
};

export type WriteBackRun = WriteBackCheck & {
  readonly seed: number;
  readonly kills: number;
  readonly starts: number;
  readonly quietAfterMs: number;
  readonly apiRequests: number;
  readonly violations: readonly string[];
};

/**
 * Accounts are made, every fifth is refused with some error code, calls fail as a whole, and the service is killed
 * every few seconds; then every account has to be confirmed, or failed for its own reason.
 */
export async function writeBackRun(options: WriteBackRunOptions): Promise<WriteBackRun> {
  const { seed, onProgress = () => {} } = options;
  const world = await startCrashWorld({ accounts: 50, serviceSettings: { LOG_LEVEL: 'info' } });
  try {
    const mix: Mix = { share: 0.2, seed, errors: errorsOf(options.withWindows) };
    world.simulator.faults.records.mixed.on({ ...mix, errors: [...mix.errors], field: 'SignUpCode__c' });
    const calls = failCalls(world, seed);
    const end = Date.now() + options.durationMs;
    const making = makeAccounts(world, seededRandom(seed, 'accounts'), end);
    const kills = await killUntil(world, seededRandom(seed, 'kills'), end, onProgress);
    const ids = await making;
    calls.end();
    onProgress(`${ids.length} accounts are made; waiting for the last codes`);
    const quiet = await waitUntilDecided(world, options.quietLimitMs);
    return {
      ...(await checkWriteBacks(world, ids, (id) => mixedErrorOf(mix, id))),
      seed,
      kills,
      starts: world.service.starts,
      quietAfterMs: quiet.afterMs,
      apiRequests: world.simulator.allowance.used,
      violations: [
        ...quiet.left,
        ...world.service.ownEnds
          .filter(({ wasReady }) => wasReady)
          .map(({ end: how, lastWords }) => `the service ended unexpectedly with ${how}: ${lastWords}`),
      ],
    };
  } finally {
    await world.stop();
  }
}

/** Every class of answer, those that pass and those that stay. */
function errorsOf(withWindows: boolean): Mix['errors'] {
  const passing = [
    ['UNABLE_TO_LOCK_ROW', 2],
    ['SERVER_UNAVAILABLE', 1],
    ['QUERY_TIMEOUT', 1],
    ['UNKNOWN_EXCEPTION', 1],
    ['DUPLICATE_VALUE', 2],
    ['ENTITY_IS_DELETED', 1],
    ...(withWindows ? ([['REQUEST_LIMIT_EXCEEDED', 1]] as const) : []),
  ] as const;
  const staying = [
    'DUPLICATE_VALUE',
    'FIELD_CUSTOM_VALIDATION_EXCEPTION',
    'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY',
    'INSUFFICIENT_ACCESS_OR_READONLY',
    'INVALID_FIELD_FOR_INSERT_UPDATE',
    'STRING_TOO_LONG',
    'REQUIRED_FIELD_MISSING',
    'DUPLICATES_DETECTED',
    'ENTITY_IS_LOCKED',
    'MALFORMED_ID',
  ];
  return [
    ...passing.map(([errorCode, attempts]) => ({ errorCode, attempts })),
    ...staying.map((errorCode) => ({ errorCode })),
  ];
}

/** A few calls in a hundred fail as a whole, before or after their work is done. */
function failCalls({ simulator }: CrashWorld, seed: number): { end(): void } {
  const { fail } = simulator.faults.rest;
  const path = '/composite/sobjects';
  const hows = [
    'unavailable',
    'server-error',
    'bad-gateway',
    'cut-before',
    'cut-after',
    'truncated',
  ] as const;
  hows.forEach((how, index) => {
    fail.on({ how, path, probability: 0.02, seed: seed + index, retryAfterSeconds: 1 });
  });
  fail.on({ how: 'session-expired', path, probability: 0.02, seed: seed + hows.length });
  return { end: () => void fail.off() };
}

async function makeAccounts({ simulator }: CrashWorld, random: SeededRandom, end: number): Promise<string[]> {
  const { org } = simulator;
  const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
  const ids: string[] = [];
  while (Date.now() < end) {
    org.transaction(caller, (tx) => {
      for (let n = random.between(1, 30); n > 0; n--) {
        const made = tx.insert({ Name: `Account ${ids.length}` });
        if (made.success) ids.push(made.id);
      }
    });
    await pause(random.between(200, 900));
  }
  return ids;
}

async function killUntil(
  { service }: CrashWorld,
  random: SeededRandom,
  end: number,
  onProgress: (line: string) => void,
): Promise<number> {
  let kills = 0;
  while (Date.now() < end) {
    await pause(Math.min(random.between(1_500, 6_000), Math.max(0, end - Date.now())));
    if (service.kill()) onProgress(`kill ${++kills}`);
  }
  return kills;
}

async function waitUntilDecided(
  world: CrashWorld,
  limitMs: number,
): Promise<{ afterMs: number; left: string[] }> {
  const begin = Date.now();
  for (;;) {
    const [row] = await world.postgres.rows<{ waiting: string; events: string; stored: string }>(
      `select (select count(*) from accounts where code_state in ('pending', 'written')) as waiting,
              (select count(*) from event_queue) as events,
              (select count(*) from events) as stored`,
    );
    const published = world.simulator.bus.retained().filter(({ event }) => event !== null).length;
    const afterMs = Date.now() - begin;
    const unstored = published - Number(row?.stored);
    if (unstored <= 0 && Number(row?.events) === 0 && Number(row?.waiting) === 0)
      return { afterMs, left: [] };
    if (afterMs > limitMs) {
      return { afterMs, left: [`${row?.waiting} codes and ${unstored} events are left after ${limitMs} ms`] };
    }
    await pause(200);
  }
}
