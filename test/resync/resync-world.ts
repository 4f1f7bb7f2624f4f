import { runResync } from '../../src/resync/run-resync.ts';
import {
  type MirrorOfSimulator,
  type MirrorOptions,
  useMirrorOfSimulator,
} from '../helpers/mirror-of-simulator.ts';

type Request = Parameters<MirrorOfSimulator['request']>[0];

/** Rows of a bulk result in one transaction. */
export const batchRows = 100;

/** A mirror with resyncs that read by bulk jobs, however small the org is. */
export function useResyncs(options: MirrorOptions = {}) {
  const mirror = useMirrorOfSimulator(options);
  const row = async (id: string): Promise<Record<string, unknown>> =>
    (await mirror.database.rows('select * from resyncs where id = $1', [id]))[0] ?? {};
  const tryOnce = (id: string, signal = new AbortController().signal, bulkFrom = 1) =>
    runResync({ ...mirror.context, bulkFrom, bulkBatchRows: batchRows }, id, signal);
  const run = async (request: Partial<Request> = {}, bulkFrom = 1) => {
    const id = await mirror.request({ scope: 'all', reason: 'test', ...request });
    await tryOnce(id, undefined, bulkFrom);
    return row(id);
  };
  const fields = () =>
    mirror.database.rows<{ id: string; fields: unknown }>('select id, fields from accounts order by id');
  /** Which accounts a verify found to differ, and how. */
  const differences = (id: string) =>
    mirror.database.rows<{ account_id: string; kind: string; fields: string[] }>(
      'select account_id, kind, fields from resync_differences where resync_id = $1 and confirmed order by 1',
      [id],
    );
  return { mirror, row, tryOnce, run, fields, differences };
}
