import { describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import type { ApiAccount, Page } from '../helpers/tidemark.ts';
import { useChaosEnv } from './chaos-env.ts';
import { connectionHog } from './connection-hog.ts';

describe('database faults survived by the same process', { timeout: 120_000 }, () => {
  const quiet = useChaosEnv({ postgresSettings: ['max_connections=60'] });
  const sessions = () =>
    quiet.world.postgres.rows<{ pid: number }>(
      `select pid from pg_stat_activity where application_name = 'tidemark sync' order by backend_start`,
    );
  const healedBySameProcess = async (act: () => Promise<unknown>): Promise<void> => {
    const { pid } = quiet.world.service;
    quiet.edit(5);
    await act();
    quiet.edit(5);
    await quiet.expectHealed();
    expect(quiet.world.service.pid).toBe(pid);
  };

  it('the service continues if it does not learn whether COMMIT succeeded', () =>
    healedBySameProcess(async () => {
      const { database } = quiet.world.proxies;
      for (let times = 0; times < 5; times++) {
        let isLost = false;
        const lost = database.dropAnswerTo(Buffer.from('commit\0')).then(() => {
          isLost = true;
        });
        // More than one change, because some make the service commit nothing.
        await eventually('a COMMIT has no answer', () => {
          if (!isLost) quiet.change(1);
          return isLost;
        });
        await lost;
      }
    }));

  it('the service continues after its connections are closed or reset', () =>
    healedBySameProcess(async () => {
      expect(quiet.world.proxies.database.cut()).toBeGreaterThan(0);
      quiet.edit(2);
      await eventually('it is connected again', () => quiet.world.proxies.database.open > 2);
      expect(quiet.world.proxies.database.reset()).toBeGreaterThan(0);
    }));

  it('the service continues after its sessions are terminated one by one', () =>
    healedBySameProcess(async () => {
      for (const { pid } of await sessions()) {
        quiet.edit(1);
        await quiet.world.postgres.rows('select pg_terminate_backend($1)', [pid]);
      }
    }));

  it('the service continues after a killed session process restarts all of PostgreSQL', () =>
    healedBySameProcess(async () => {
      const [session] = await sessions();
      process.kill(session?.pid ?? Number.NaN, 'SIGKILL');
      await eventually('PostgreSQL has recovered', () => quiet.world.postgres.rows('select 1'));
    }));

  it.for(['fast', 'immediate'] as const)('the service continues after a restart of PostgreSQL (%s)', (mode) =>
    healedBySameProcess(() => quiet.world.postgres.restart(mode)),
  );

  it('the service continues while the database is slow', () =>
    healedBySameProcess(async () => {
      quiet.world.proxies.database.slow(50);
      quiet.edit(20);
      await eventually('something came through', async () => {
        const [row] = await quiet.world.postgres.rows<{ waiting: boolean }>(
          `select max(received_at) > now() - interval '1 second' as waiting from events`,
        );
        return row?.waiting;
      });
      quiet.world.proxies.database.pass();
    }));

  it('the position stays and accounts are served while the database is read-only, and the service continues afterwards', () =>
    healedBySameProcess(async () => {
      const { postgres, get, simulator } = quiet.world;
      await quiet.expectHealed();
      const setReadOnly = async (value: 'on' | 'off'): Promise<void> => {
        await postgres.rows(`alter system set default_transaction_read_only = ${value}`);
        await postgres.rows('select pg_reload_conf()');
      };
      const position = () => postgres.rows(`select encode(replay_id, 'hex') as position from subscriptions`);
      await setReadOnly('on');
      const before = await position();
      const seen = simulator.bus.latestReplayId();
      quiet.edit(5);
      await eventually('the service has met the refusal', () =>
        quiet.world.service.output().includes('read-only transaction'),
      );
      expect((await get<Page<ApiAccount>>('/v1/accounts')).data.length).toBeGreaterThan(0);
      expect(await position()).toEqual(before);
      expect(simulator.bus.latestReplayId()).not.toEqual(seen);
      await setReadOnly('off');
    }));

  it('the service continues after others have taken all connections', () =>
    healedBySameProcess(async () => {
      const { service, postgres } = quiet.world;
      const hog = connectionHog(postgres);
      const met = service.output().length;
      expect(await hog.takeAll()).toBeGreaterThan(0);
      await eventually('the service has met it', async () => {
        await hog.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tidemark%'`,
        );
        await hog.takeAll();
        return service.output().slice(met).includes('too many clients');
      });
      await hog.release();
    }));

  it('a start without a free connection waits for one and says so', async () => {
    const { service, postgres } = quiet.world;
    const hog = connectionHog(postgres);
    await hog.takeAll();
    const met = service.output().length;
    service.kill();
    await eventually('it waits', async () => {
      await hog.takeAll();
      return service.output().slice(met).includes('database unreachable at startup; retrying');
    });
    quiet.edit(2);
    await hog.release();
    await quiet.expectHealed();
  });

  it('two processes that are killed in turn lose and repeat nothing', async () => {
    const { service } = quiet.world;
    const other = await quiet.world.startAnother();
    await eventually('both are ready', other.isReady);
    // Codes are made and written by both.
    quiet.change(20);
    await quiet.expectHealed();
    quiet.edit(5);
    expect(service.kill()).toBe(true);
    quiet.edit(5);
    await eventually('the first is back', service.isReady);
    quiet.edit(5);
    expect(other.kill()).toBe(true);
    quiet.edit(5);
    await quiet.expectHealed();
    await other.stop();
    quiet.change(5);
    await quiet.expectHealed();
  });
});
