import { setTimeout as pause } from 'node:timers/promises';
import type { ComparableWorld } from './crash-world.ts';

/**
 * Waits until nothing is left to do anywhere.
 * @returns how long that took, in milliseconds
 * @throws after `limitMs`, with what is left
 */
export async function waitUntilQuiet(world: ComparableWorld, limitMs: number): Promise<number> {
  const begin = Date.now();
  for (;;) {
    const open = await unfinished(world).catch((error: Error) => [error.message]);
    if (open.length === 0) return Date.now() - begin;
    if (Date.now() - begin > limitMs)
      throw new Error(`not quiet after ${limitMs / 1000} s: ${open.join('; ')}`);
    await pause(200);
  }
}

/** What is still under way, a line each. */
export async function unfinished(world: ComparableWorld): Promise<string[]> {
  const ready = await world.service.isReady().catch(() => false);
  if (!ready) return ['the service is not ready'];
  const published = world.simulator.bus.retained().filter(({ event }) => event !== null).length;
  const [counts] = await world.postgres.rows<Record<string, string>>(`
    select (select count(*) from events) as stored,
           (select count(*) from event_queue) as waiting,
           (select count(*) from accounts where stale_version is not null) as stale,
           (select count(*) from accounts where code_state in ('pending', 'written') and not deleted) as codes,
           (select count(*) from account_text_queue) as texts,
           (select count(*) from incidents where state <> 'closed') as incidents,
           (select count(*) from resyncs where state not in ('done', 'failed')) as resyncs`);
  const { stored = '0', ...rest } = counts ?? {};
  return [
    ...(Number(stored) < published ? [`${stored} of ${published} events stored`] : []),
    ...Object.entries(rest).flatMap(([what, count]) => (Number(count) === 0 ? [] : [`${count} ${what}`])),
  ];
}
