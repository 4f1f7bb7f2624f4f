import { expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { useChaosEnv } from './chaos-env.ts';

const accounts = 3_000;
const quiet = useChaosEnv({ accounts, serviceSettings: { RESYNC_BULK_FROM: '1' } });

type Row = {
  readonly state: string;
  readonly read: number;
  readonly created: number;
  readonly job: string | null;
};

it('a full resync that is killed at every stage continues each time with one bulk job', async () => {
  const { world } = quiet;
  const { simulator, postgres, service } = world;
  simulator.bulk.clearLog();
  const id = await world.order({ scope: 'all' });
  const row = async (): Promise<Row> => {
    const [found] = await postgres.rows<Row>(
      'select state, read, created, bulk_job_id as job from resyncs where id = $1',
      [id],
    );
    return found ?? { state: 'unknown', read: 0, created: 0, job: null };
  };
  /** Kills the process, and does at once what the queue's monitor does when the heartbeat of a job has stopped. */
  const killWhen = async (what: string, reached: (now: Row) => boolean): Promise<void> => {
    await eventually(what, async () => reached(await row()), 60_000);
    const starts = service.starts;
    expect(service.kill()).toBe(true);
    await eventually(
      'it has started again',
      async () => service.starts > starts && service.isReady(),
      60_000,
    );
    await postgres.rows(
      `update pgboss.job set state = 'retry', start_after = now(), retry_count = retry_count + 1 where state = 'active'`,
    );
  };
  const stages: readonly [string, string | undefined, object, (now: Row) => boolean][] = [
    ['its bulk job waits', 'bulk.hold', { state: 'UploadComplete' }, ({ job }) => job !== null],
    ['its bulk job is in progress', 'bulk.hold', {}, ({ state }) => state === 'reading'],
    ['its first batch is merged', 'bulk.slowPages', { rows: 100, delayMs: 60 }, ({ read }) => read >= 1_000],
    ['its second batch is merged', 'bulk.slowPages', { rows: 100, delayMs: 60 }, ({ read }) => read >= 2_000],
  ];
  for (const [what, fault, parameters, reached] of stages) {
    if (fault !== undefined) simulator.faults.start(fault, parameters);
    await killWhen(what, reached);
    simulator.faults.clearAll();
  }
  await eventually('it is done', async () => (await row()).state === 'done', 60_000);
  expect(simulator.bulk.log('Tidemark')).toHaveLength(1);
  // No batch twice: every record was read once, over all the lives of the process.
  expect((await row()).read).toBe([...simulator.org.records()].length);
  await quiet.expectHealed();
});
