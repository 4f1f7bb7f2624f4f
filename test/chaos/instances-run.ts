import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../helpers/eventually.ts';
import { checkMirror, type MirrorCheck } from './check-mirror.ts';
import { type CrashWorld, getJson, orderResync, startCrashWorld } from './crash-world.ts';
import { watchFamilies } from './family-watcher.ts';
import { type Instances, type Strike, strikeInstances } from './instance-faults.ts';
import { installLeaseAudit, type LeaseAudit, readLeaseAudit } from './lease-audit.ts';
import { changeWhile, randomChanges } from './random-changes.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';
import type { SupervisedService } from './service-supervisor.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

export type InstancesRunOptions = {
  readonly seed: number;
  /** How long processes are killed, restarted and paused, in milliseconds; then all of them run and all is compared. */
  readonly durationMs: number;
  /** It takes longer than that where there were fewer strikes than these: not every machine is quick. */
  readonly minStrikes: number;
  readonly accounts: number;
  readonly quietLimitMs: number;
  /** Also pauses of up to 40 seconds. */
  readonly withLongPauses: boolean;
  readonly onProgress?: (line: string) => void;
};

export type InstancesRun = MirrorCheck & {
  readonly seed: number;
  readonly strikes: readonly Strike[];
  readonly starts: number;
  readonly transactions: number;
  readonly resyncs: number;
  readonly looks: number;
  readonly audit: LeaseAudit;
  /** How often a process found that another had taken over when it was about to write. */
  readonly fenced: number;
  readonly quietAfterMs: number;
  readonly violations: readonly string[];
};

/** Three processes on one database, each of them killed, restarted and paused, while people change accounts. */
export async function instancesRun(options: InstancesRunOptions): Promise<InstancesRun> {
  const world = await startCrashWorld({
    accounts: options.accounts,
    serviceSettings: { RESYNC_BULK_FROM: '200' },
  });
  try {
    return await runIn(world, options);
  } finally {
    await world.stop();
  }
}

async function runIn(world: CrashWorld, options: InstancesRunOptions): Promise<InstancesRun> {
  const { seed, onProgress = () => {} } = options;
  const [second, third] = await Promise.all(['second', 'third'].map(world.startAnother));
  if (second === undefined || third === undefined) throw new Error('there are not three processes');
  const instances: Instances = new Map([
    ['first', world.service],
    ['second', second],
    ['third', third],
  ]);
  const services = [...instances.values()];
  for (const service of services) await eventually('each process is ready', service.isReady, 60_000);
  await installLeaseAudit(world);
  const changes = randomChanges(world.simulator, seededRandom(seed, 'changes'));
  const everywhere = { ...world, get: getOfAny(services, seededRandom(seed, 'readers')) };
  const watcher = watchFamilies(everywhere, seededRandom(seed, 'looks'), changes.families);
  const untilMs = Date.now() + options.durationMs;
  let struck = false;
  const goesOn = (): boolean => Date.now() < untilMs || !struck;
  const changing = changeWhile(goesOn, changes.change, seededRandom(seed, 'pauses'));
  const resyncing = orderResyncs(services, goesOn, seededRandom(seed, 'resyncs'));
  const strikes = await strikeInstances(world, instances, seededRandom(seed, 'faults'), {
    untilMs,
    least: options.minStrikes,
    withLongPauses: options.withLongPauses,
    onStrike: ({ fault, instance, held, pausedMs }) =>
      onProgress(
        `${instance}${held ? ', which holds the lease,' : ''} is ${fault}${fault === 'paused' ? ` for ${pausedMs} ms` : ''}`,
      ),
  });
  struck = true;
  await changing;
  const resyncs = await resyncing;
  onProgress('all of them run');
  const quiet = await waitUntilQuiet(world, options.quietLimitMs).catch((error: Error) => error);
  await watcher.stop();
  const audit = await readLeaseAudit(world);
  return {
    ...(await checkMirror(world, changes.created)),
    seed,
    strikes,
    starts: services.reduce((sum, { starts }) => sum + starts, 0),
    transactions: changes.transactions,
    resyncs,
    looks: watcher.looks,
    audit,
    fenced: countOf(services, '"another process has taken over'),
    quietAfterMs: quiet instanceof Error ? Number.POSITIVE_INFINITY : quiet,
    violations: [
      ...(quiet instanceof Error ? [quiet.message] : []),
      ...watcher.violations,
      ...audit.violations,
      ...[...instances].flatMap(([name, service]) => wrongEnds(name, service)),
    ],
  };
}

/** Queries one process after the other; a paused one does not respond, and another is queried next time. */
function getOfAny(services: readonly SupervisedService[], random: SeededRandom): CrashWorld['get'] {
  return (resource) => getJson(`${random.pick(services).url}${resource}`, 1_000);
}

/** Now and then everything is read again, so that there are resyncs to be interrupted. */
async function orderResyncs(
  services: readonly SupervisedService[],
  goesOn: () => boolean,
  random: SeededRandom,
): Promise<number> {
  let ordered = 0;
  for (let dueMs = Date.now(); goesOn(); ) {
    if (Date.now() < dueMs) {
      await pause(100);
      continue;
    }
    const url = random.pick(services).url;
    const done = await orderResync(url, { scope: 'all' }).catch(() => undefined);
    if (done !== undefined) ordered++;
    dueMs = Date.now() + random.between(3_000, 9_000);
  }
  return ordered;
}

function countOf(services: readonly SupervisedService[], text: string): number {
  return services.reduce((sum, { output }) => sum + output().split(text).length - 1, 0);
}

function wrongEnds(name: string, { ownEnds, askedEnds }: SupervisedService): string[] {
  return [
    ...ownEnds
      .filter(({ wasReady }) => wasReady)
      .map(({ end, lastWords }) => `${name} ended unexpectedly with ${end}: ${lastWords}`),
    // A process that is stopped before it is ready may still be starting at its time limit.
    ...askedEnds
      .filter(({ end, wasReady }) => wasReady && end !== 0)
      .map(({ end, lastWords }) => `${name} was stopped and ended with ${end}: ${lastWords}`),
  ];
}
