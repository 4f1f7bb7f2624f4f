import { Type } from 'typebox';
import type { Bus } from '../pubsub/bus.ts';
import type { PubSubConnections, ResetCode } from '../pubsub/connections.ts';
import { type PubSubFailure, pubSubFailure } from '../pubsub/failures.ts';
import { faultAct } from './fault-act.ts';
import { closed, errorCode, statusName } from './parameters.ts';
import { statusNamed } from './pubsub-faults.ts';

/** What happens to open streams, or to what is retained, at once. */
export function streamActs({ bus, connections, disconnect }: StreamWorld) {
  return {
    end: faultAct(
      'Every open stream ends: cleanly, or with an error code.',
      Type.Object(
        { errorCode: Type.Optional(errorCode), status: Type.Optional(statusName) },
        { ...closed, dependentRequired: { status: ['errorCode'] } },
      ),
      ({ errorCode: code, status }) => ({
        streams: disconnect(code === undefined ? undefined : pubSubFailure(code, statusNamed(status))),
      }),
    ),
    reset: faultAct(
      'RST_STREAM on every open stream, with NO_ERROR unless told; the connections stay.',
      Type.Object({ code: Type.Optional(resetCode) }, closed),
      ({ code = 'NO_ERROR' }) => ({ streams: connections.resetStreams(code) }),
    ),
    goAway: faultAct(
      'GOAWAY on every connection with a stream, with NO_ERROR unless told, and its end.',
      Type.Object({ code: Type.Optional(resetCode) }, closed),
      ({ code = 'NO_ERROR' }) => ({ connections: connections.goAway(code) }),
    ),
    cut: faultAct('A TCP reset of every connection, without a word.', Type.Object({}, closed), () => ({
      connections: connections.cut(),
    })),
    expire: faultAct(
      'Every retained event vanishes as if its 72 hours were over, and older replay ids are corrupted.',
      Type.Object({}, closed),
      () => {
        const events = bus.retained().filter(({ event }) => event !== null).length;
        bus.expire();
        return { events };
      },
    ),
    advance: faultAct(
      'The newest replay id moves on without an event, as traffic of other orgs makes it.',
      Type.Object({}, closed),
      () => {
        bus.advance();
        return { latestReplayId: bus.latestReplayId().toString('base64') };
      },
    ),
  };
}

const resetCode = Type.Enum([
  'NO_ERROR',
  'INTERNAL_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'ENHANCE_YOUR_CALM',
] satisfies ResetCode[]);

type StreamWorld = {
  readonly bus: Bus;
  readonly connections: PubSubConnections;
  /** Ends every Subscribe call, cleanly without a failure, and says how many. */
  readonly disconnect: (failure: PubSubFailure | undefined) => number;
};
