import type { Static } from 'typebox';
import type { ResyncSchema } from '../http/schemas/resync.ts';
import type { Context } from './command.ts';
import { followStream } from './follow-stream.ts';

export type Resync = Static<typeof ResyncSchema>;

/** Long enough for a restart of the service. */
const maxFailures = 60;

/** Yields the resync after each change until it is final or needs confirmation. */
export async function* followResync(context: Context, id: string): AsyncGenerator<Resync> {
  const limits = { first: maxFailures, later: maxFailures };
  for await (const { data } of followStream(context, `/v1/resyncs/${id}`, limits)) {
    const resync: Resync = JSON.parse(data);
    yield resync;
    if (isAtRest(resync)) return;
  }
}

/** Whether the resync is final or needs confirmation. */
function isAtRest({ state }: Resync): boolean {
  return ['needs-confirmation', 'done', 'failed', 'cancelled'].includes(state);
}
