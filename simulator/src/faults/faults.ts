import type { TSchema } from 'typebox';
import type { BulkJobs } from '../http/bulk/bulk-jobs.ts';
import type { SimulatorOrg } from '../org/org.ts';
import type { PubSubServer } from '../pubsub/server.ts';
import type { SimulatorOptions } from '../simulator-options.ts';
import { bulkActs, bulkSwitches } from './bulk-faults.ts';
import { eventActs, eventSwitches } from './event-faults.ts';
import { createSwitchContext, type SwitchedOn } from './fault.ts';
import { oauthSwitches, restSwitches } from './http-faults.ts';
import { FaultError } from './parameters.ts';
import { recordSwitches } from './record-faults.ts';
import { streamActs, streamSwitches } from './stream-faults.ts';
import { webhookSwitches } from './webhook-faults.ts';

/** All switches, off. The org and the servers need them, so they exist first. */
export function createFaultSwitches({
  channels = [],
  faultSeed = 1,
  networkFaults = false,
}: SimulatorOptions) {
  const context = createSwitchContext(faultSeed);
  return {
    context,
    stream: streamSwitches(context, networkFaults),
    events: eventSwitches(context, channels),
    records: recordSwitches(context),
    rest: restSwitches(context),
    oauth: oauthSwitches(context),
    bulk: bulkSwitches(context),
    webhooks: webhookSwitches(context),
  };
}

/** Every fault of the simulator by theme, and by name such as `stream.silence`. */
export function createFaults({ context: _context, ...switches }: FaultSwitches, targets: FaultTargets) {
  const { bulkJobs, now, org, pubsub } = targets;
  const { connections, disconnect } = pubsub;
  const themes = {
    ...switches,
    stream: { ...switches.stream, ...streamActs({ bus: org.bus, connections, disconnect }) },
    events: { ...switches.events, ...eventActs(org, now) },
    bulk: { ...switches.bulk, ...bulkActs(bulkJobs) },
  };
  const byName = new Map<string, AnyFault>();
  for (const [theme, faults] of Object.entries(themes)) {
    for (const [name, fault] of Object.entries(faults)) byName.set(`${theme}.${name}`, fault);
  }
  return { ...themes, ...faultList(byName) };
}

function faultList(byName: ReadonlyMap<string, AnyFault>) {
  const find = (name: string): AnyFault => {
    const fault = byName.get(name);
    if (fault === undefined) throw new FaultError(`there is no fault ${name}`, 404);
    return fault;
  };
  return {
    catalog: () =>
      [...byName].map(([name, { about, kind, parameters }]) => ({ name, kind, about, parameters })),
    active: () =>
      [...byName].flatMap(([name, fault]) =>
        fault.kind === 'act' ? [] : fault.active().map((entry) => ({ name, ...entry })),
      ),
    /** Switches on or acts. Throws FaultError for invalid parameters, and with status 404 for an unknown name. */
    start(name: string, parameters: unknown): object {
      const fault = find(name);
      return fault.kind === 'act' ? fault.nowWith(parameters) : { id: fault.onWith(parameters).id };
    },
    /** Switches off every active one of this name; returns their number. */
    clear(name: string): number {
      const fault = find(name);
      return fault.kind === 'act' ? 0 : fault.off();
    },
    clearAll(): number {
      let ended = 0;
      for (const fault of byName.values()) if (fault.kind === 'switch') ended += fault.off();
      return ended;
    },
  };
}

type FaultTargets = {
  readonly org: SimulatorOrg;
  readonly now: () => number;
  readonly pubsub: PubSubServer;
  readonly bulkJobs: BulkJobs;
};

export type FaultSwitches = ReturnType<typeof createFaultSwitches>;
export type Faults = ReturnType<typeof createFaults>;

/** All faults by name, for the control API. */
export type FaultList = ReturnType<typeof faultList>;

/** A fault without the types of its parameters. */
type AnyFault = { readonly about: string; readonly parameters: TSchema } & (
  | {
      readonly kind: 'switch';
      onWith(given: unknown): SwitchedOn;
      off(): number;
      active(): readonly object[];
    }
  | { readonly kind: 'act'; nowWith(given: unknown): object }
);
