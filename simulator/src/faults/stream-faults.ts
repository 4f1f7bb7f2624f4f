import { status } from '@grpc/grpc-js';
import { Type } from 'typebox';
import type { Bus } from '../pubsub/bus.ts';
import type { PubSubConnections, ResetCode } from '../pubsub/connections.ts';
import { type PubSubFailure, pubSubFailure } from '../pubsub/failures.ts';
import type { PubSubFaults } from '../pubsub/service.ts';
import { faultAct, faultSwitch, type SwitchContext } from './fault.ts';
import { delayMs, errorCode, frequency, statusName } from './parameters.ts';

/** Faults of the calls and streams of the Pub/Sub API. */
export function streamSwitches(context: SwitchContext, networkFaults: boolean) {
  return {
    silence: faultSwitch(context, 'Open streams stay open, but send neither events nor keepalives.', {}),
    halfOpen: faultSwitch(
      context,
      'Every connection stays open, but nothing passes, not even the response to a ping.',
      {},
      networkFaults ? undefined : 'half-open connections need a simulator started with networkFaults',
    ),
    slow: faultSwitch(context, 'Every response with events is delayed.', { delayMs, ...frequency }),
    smallBatches: faultSwitch(
      context,
      'A response has at most this number of events. Otherwise credit and 3 MB limit it.',
      { events: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })) },
    ),
    duplicates: faultSwitch(
      context,
      'A subscription that resumes at a replay id receives a number of earlier events again.',
      { events: Type.Integer({ minimum: 1 }), ...frequency },
    ),
    keepaliveAhead: faultSwitch(
      context,
      'Before events are delivered, an empty response names a position after them; the events follow later.',
      { holdMs: Type.Optional(delayMs), ...frequency },
    ),
    overdeliver: faultSwitch(
      context,
      'If more events wait than credit is left, this number of events is sent beyond the credit.',
      { events: Type.Integer({ minimum: 1 }), ...frequency },
    ),
    corruptReplayId: faultSwitch(
      context,
      'A subscription at a replay id is refused with subscription.fetch.replayid.corrupted.',
      frequency,
    ),
    refuse: faultSwitch(context, 'Calls are refused with an error code, by default service.auth.error.', {
      calls,
      errorCode: Type.Optional(errorCode),
      status: Type.Optional(statusName),
      ...frequency,
    }),
    slowCalls: faultSwitch(context, 'Responses of GetTopic and GetSchema are delayed.', {
      delayMs,
      calls,
      ...frequency,
    }),
  };
}

/** Faults that hit the open streams or the retained events once. */
export function streamActs({ bus, connections, disconnect }: StreamTarget) {
  return {
    end: faultAct(
      'Every open stream ends, cleanly or with an error code.',
      { errorCode: Type.Optional(errorCode), status: Type.Optional(statusName) },
      ({ errorCode: code, status: name }) => ({
        streams: disconnect(code === undefined ? undefined : pubSubFailure(code, statusNamed(name))),
      }),
      { dependentRequired: { status: ['errorCode'] } },
    ),
    reset: faultAct(
      'RST_STREAM on every open stream, by default with NO_ERROR; the connections stay.',
      { code: resetCode },
      ({ code = 'NO_ERROR' }) => ({ streams: connections.resetStreams(code) }),
    ),
    goAway: faultAct(
      'GOAWAY on every connection with a stream, by default with NO_ERROR, after which it closes.',
      { code: resetCode },
      ({ code = 'NO_ERROR' }) => ({ connections: connections.goAway(code) }),
    ),
    cut: faultAct('A TCP reset of every connection.', {}, () => ({ connections: connections.cut() })),
    expire: faultAct('Every retained event expires, and older replay ids are corrupted.', {}, () => {
      const events = bus.retained().filter(({ event }) => event !== null).length;
      bus.expire();
      return { events };
    }),
    advance: faultAct(
      'The newest replay id advances without an event, as by traffic of other orgs.',
      {},
      () => {
        bus.advance();
        return { latestReplayId: bus.latestReplayId().toString('base64') };
      },
    ),
  };
}

export function streamFaults(switches: StreamSwitches, context: SwitchContext): PubSubFaults {
  return {
    refuse(rpc) {
      const refusal = switches.refuse.strike((which) => which.calls?.some((call) => call === rpc) ?? true);
      if (refusal === undefined) return undefined;
      return pubSubFailure(refusal.errorCode ?? 'service.auth.error', statusNamed(refusal.status));
    },
    delayMs: (rpc) =>
      switches.slowCalls.strike((which) => which.calls?.some((call) => call === rpc) ?? true)?.delayMs ?? 0,
    isFrozen: () => switches.halfOpen.isOn,
    isStalled: () => switches.silence.isOn,
    slowMs: () => switches.slow.strike()?.delayMs ?? 0,
    ahead() {
      const ahead = switches.keepaliveAhead.strike();
      return ahead && { holdMs: ahead.holdMs ?? 0 };
    },
    batchSize() {
      const small = switches.smallBatches.strike();
      return small && (small.events ?? 1);
    },
    excess: () => switches.overdeliver.strike()?.events ?? 0,
    repeat: () => switches.duplicates.strike()?.events ?? 0,
    isCorrupt: () => switches.corruptReplayId.strike() !== undefined,
    onChange: context.onChange,
  };
}

/** The gRPC status of a name; undefined for none. */
function statusNamed(name: string | undefined): status | undefined {
  const [, code] = Object.entries(status).find(([known]) => known === name) ?? [];
  return typeof code === 'number' ? code : undefined;
}

const calls = Type.Optional(
  Type.Array(Type.Enum(['Subscribe', 'GetSchema', 'GetTopic']), {
    minItems: 1,
    description: 'only these calls',
  }),
);

const resetCode = Type.Optional(
  Type.Enum([
    'NO_ERROR',
    'INTERNAL_ERROR',
    'REFUSED_STREAM',
    'CANCEL',
    'ENHANCE_YOUR_CALM',
  ] satisfies ResetCode[]),
);

type StreamSwitches = ReturnType<typeof streamSwitches>;

type StreamTarget = {
  readonly bus: Bus;
  readonly connections: PubSubConnections;
  /** Ends every Subscribe call, cleanly without a failure, and returns their number. */
  readonly disconnect: (failure: PubSubFailure | undefined) => number;
};
