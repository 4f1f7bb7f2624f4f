import type { SimulatorOptions } from '../simulator-options.ts';
import { bulkSwitches } from './bulk-switches.ts';
import { callSwitches } from './call-switches.ts';
import { eventSwitches } from './event-switches.ts';
import { createSwitchContext } from './fault-switch.ts';
import { oauthSwitches, restSwitches } from './http-switches.ts';
import { recordSwitches } from './record-switches.ts';
import { streamSwitches } from './stream-switches.ts';
import { webhookSwitches } from './webhook-switches.ts';

/** All switches, off. They are made before the servers, which ask them. */
export function createFaultSwitches({ channels = [], faultSeed = 1, networkFaults = false }: FaultOptions) {
  const context = createSwitchContext(faultSeed);
  return {
    context,
    stream: streamSwitches(context, networkFaults),
    events: eventSwitches(context, channels),
    records: recordSwitches(context),
    calls: callSwitches(context),
    rest: restSwitches(context),
    oauth: oauthSwitches(context),
    bulk: bulkSwitches(context),
    webhooks: webhookSwitches(context),
  };
}

type FaultOptions = Pick<SimulatorOptions, 'channels' | 'faultSeed' | 'networkFaults'>;

export type FaultSwitches = ReturnType<typeof createFaultSwitches>;
