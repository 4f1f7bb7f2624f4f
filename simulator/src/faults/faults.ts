import type { TSchema } from 'typebox';
import type { BulkJobs } from '../http/bulk/bulk-jobs.ts';
import type { SimulatorOrg } from '../org/org.ts';
import type { PubSubServer } from '../pubsub/server.ts';
import { bulkActs } from './bulk-acts.ts';
import { eventActs } from './event-acts.ts';
import { FaultError } from './fault-error.ts';
import type { StandingFault, SwitchedOn } from './fault-switch.ts';
import type { FaultSwitches } from './fault-switches.ts';
import { streamActs } from './stream-acts.ts';

/** Every misbehaviour of the simulator by theme, and the list of them by name. */
export function createFaults(switches: FaultSwitches, world: FaultWorld) {
  const { bulkJobs, now, org, pubsub } = world;
  const themes = {
    stream: {
      ...switches.stream,
      ...streamActs({ bus: org.bus, connections: pubsub.connections, disconnect: pubsub.disconnect }),
    },
    events: { ...switches.events, ...eventActs(org, now) },
    records: {
      refused: switches.records.refused,
      mixed: switches.records.mixed,
      trigger: switches.calls.trigger,
      readOnly: switches.calls.readOnly,
    },
    rest: switches.rest,
    oauth: switches.oauth,
    bulk: { ...switches.bulk, ...bulkActs(bulkJobs) },
    webhooks: switches.webhooks,
  };
  const byName = new Map<string, AnyFault>();
  for (const [theme, faults] of Object.entries(themes)) {
    for (const [name, fault] of Object.entries(faults)) byName.set(`${theme}.${name}`, fault);
  }
  return { ...themes, ...faultList(byName) };
}

function faultList(byName: ReadonlyMap<string, AnyFault>): FaultList {
  const find = (name: string): AnyFault => {
    const fault = byName.get(name);
    if (fault === undefined) throw new UnknownFault(name);
    return fault;
  };
  const standing = () =>
    [...byName].flatMap(([name, fault]) =>
      fault.kind === 'act' ? [] : fault.standing().map((entry) => ({ name, ...entry })),
    );
  return {
    catalog: () =>
      [...byName].map(([name, { about, kind, parameters }]) => ({ name, kind, about, parameters })),
    standing,
    start(name, parameters) {
      const fault = find(name);
      return fault.kind === 'act' ? fault.nowWith(parameters) : { id: fault.onWith(parameters).id };
    },
    clear(name) {
      const fault = find(name);
      return fault.kind === 'act' ? 0 : fault.off();
    },
    clearAll() {
      let ended = 0;
      for (const fault of byName.values()) if (fault.kind === 'switch') ended += fault.off();
      return ended;
    },
  };
}

/** There is no fault of this name. */
class UnknownFault extends FaultError {
  override readonly statusCode = 404;

  constructor(name: string) {
    super(`there is no fault ${name}`);
  }
}

export type FaultWorld = {
  readonly org: SimulatorOrg;
  readonly now: () => number;
  readonly pubsub: PubSubServer;
  readonly bulkJobs: BulkJobs;
};

export type Faults = ReturnType<typeof createFaults>;

/** All faults by name, `stream.silence`, for callers that read the name from somewhere. */
export type FaultList = {
  catalog(): readonly object[];
  /** What is on now. */
  standing(): readonly object[];
  /** Switches on or acts. Throws FaultError for wrong parameters, and with status 404 for an unknown name. */
  start(name: string, parameters: unknown): object;
  /** Switches off every one of this name and says how many. */
  clear(name: string): number;
  clearAll(): number;
};

/** A fault without the types of its parameters. */
type AnyFault = { readonly about: string; readonly parameters: TSchema } & (
  | {
      readonly kind: 'switch';
      onWith(given: unknown): SwitchedOn;
      off(): number;
      standing(): readonly StandingFault[];
    }
  | { readonly kind: 'act'; nowWith(given: unknown): object }
);
