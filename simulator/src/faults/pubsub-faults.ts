import { status } from '@grpc/grpc-js';
import { pubSubFailure } from '../pubsub/failures.ts';
import type { PubSubFaults } from '../pubsub/service.ts';
import type { SwitchContext } from './fault-switch.ts';
import type { StreamSwitches } from './stream-switches.ts';

/** The switches as the Pub/Sub server asks them. */
export function pubSubFaults(switches: StreamSwitches, context: SwitchContext): PubSubFaults {
  return {
    refuse(rpc) {
      const refusal = switches.refuse.strike(({ calls }) => concerns(calls, rpc));
      if (refusal === undefined) return undefined;
      return pubSubFailure(refusal.errorCode ?? 'service.auth.error', statusNamed(refusal.status));
    },
    delayMs: (rpc) => switches.slowCalls.strike(({ calls }) => concerns(calls, rpc))?.delayMs ?? 0,
    isFrozen: () => switches.halfOpen.isOn,
    isStalled: () => switches.silence.isOn,
    slowMs: () => switches.slow.strike()?.delayMs ?? 0,
    ahead() {
      const ahead = switches.keepaliveAhead.strike();
      return ahead && { holdMs: ahead.holdMs ?? 0 };
    },
    batchSize: () => {
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
export function statusNamed(name: string | undefined): status | undefined {
  const [, code] = Object.entries(status).find(([known]) => known === name) ?? [];
  return typeof code === 'number' ? code : undefined;
}

function concerns(calls: readonly string[] | undefined, rpc: string): boolean {
  return calls === undefined || calls.includes(rpc);
}
