import { Type } from 'typebox';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed, delayMs, errorCode, statusName } from './parameters.ts';

/** What can go wrong with the calls and streams of the Pub/Sub API. */
export function streamSwitches(context: SwitchContext, isRelayed: boolean) {
  return {
    silence: faultSwitch(
      context,
      'Open streams stay open, but send neither events nor keepalives.',
      Type.Object({}, closed),
    ),
    halfOpen: faultSwitch(
      context,
      'Every connection stays open, but nothing goes through, not even an answer to a ping.',
      Type.Object({}, closed),
      isRelayed ? undefined : 'half-open connections need a simulator started with networkFaults',
    ),
    slow: faultSwitch(
      context,
      'Every response with events comes so much later.',
      Type.Object({ delayMs, ...often }, closed),
    ),
    smallBatches: faultSwitch(
      context,
      'A response holds no more than so many events. Without it there are as many as credit and 3 MB allow.',
      Type.Object({ events: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 1 })) }, closed),
    ),
    duplicates: faultSwitch(
      context,
      'A subscription that resumes at a replay id gets so many events from before it again.',
      Type.Object({ events: Type.Integer({ minimum: 1 }), ...often }, closed),
    ),
    keepaliveAhead: faultSwitch(
      context,
      'Before events are delivered, an empty response names a position behind them; the events follow after a while.',
      Type.Object({ holdMs: Type.Optional(delayMs), ...often }, closed),
    ),
    overdeliver: faultSwitch(
      context,
      'When more events wait than credit is left, so many come beyond the credit.',
      Type.Object({ events: Type.Integer({ minimum: 1 }), ...often }, closed),
    ),
    corruptReplayId: faultSwitch(
      context,
      'A subscription at a replay id is refused with subscription.fetch.replayid.corrupted.',
      Type.Object({ ...often }, closed),
    ),
    refuse: faultSwitch(
      context,
      'Calls are refused with an error code, service.auth.error unless told; schema.api.unavailable is another.',
      Type.Object(
        {
          calls: Type.Optional(Type.Array(callName, { minItems: 1 })),
          errorCode: Type.Optional(errorCode),
          status: Type.Optional(statusName),
          ...often,
        },
        closed,
      ),
    ),
    slowCalls: faultSwitch(
      context,
      'GetTopic and GetSchema answer so much later.',
      Type.Object({ delayMs, calls: Type.Optional(Type.Array(callName, { minItems: 1 })), ...often }, closed),
    ),
  };
}

const callName = Type.Enum(['Subscribe', 'GetSchema', 'GetTopic']);

export type StreamSwitches = ReturnType<typeof streamSwitches>;
