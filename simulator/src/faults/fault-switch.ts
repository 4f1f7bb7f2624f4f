import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import { createRandom } from '../random.ts';
import { FaultError, wrongParameters } from './fault-error.ts';
import { frequency } from './often.ts';

/**
 * A fault that stays on until it is switched off, or until it has struck so many times as were asked for.
 * `impossible` says why it cannot be switched on at all.
 */
export function faultSwitch<S extends TObject>(
  context: SwitchContext,
  about: string,
  parameters: S,
  impossible?: string,
): FaultSwitch<S> {
  let standing: Standing<Static<S>>[] = [];
  const offListeners: (() => void)[] = [];

  function switchOn(given: unknown): SwitchedOn {
    if (impossible !== undefined) throw new FaultError(impossible);
    if (!Value.Check(parameters, given)) throw wrongParameters(parameters, given);
    const { times = null, probability = 1, seed = context.seed } = frequencyOf(given);
    const { chance } = createRandom(seed);
    const entry: Standing<Static<S>> = {
      id: context.nextId(),
      parameters: given,
      left: times,
      struck: 0,
      chance: () => probability === 1 || chance(probability),
    };
    standing.push(entry);
    context.changed();
    return { id: entry.id, off: () => switchOff(entry.id) };
  }

  function switchOff(id?: number): number {
    const kept = id === undefined ? [] : standing.filter((entry) => entry.id !== id);
    const ended = standing.length - kept.length;
    standing = kept;
    if (ended === 0) return 0;
    context.changed();
    for (const listener of offListeners) listener();
    return ended;
  }

  function strike(matches: (parameters: Static<S>) => boolean): Static<S> | undefined {
    const entry = standing.find((each) => matches(each.parameters) && each.chance());
    if (entry === undefined) return undefined;
    entry.struck += 1;
    if (entry.left !== null) {
      entry.left -= 1;
      if (entry.left === 0) standing = standing.filter((each) => each !== entry);
    }
    return entry.parameters;
  }

  return {
    kind: 'switch',
    about,
    parameters,
    on: (...[given]) => switchOn(given ?? {}),
    onWith: switchOn,
    off: switchOff,
    strike: (matches = () => true) => (standing.length === 0 ? undefined : strike(matches)),
    all: () => standing.map((entry) => entry.parameters),
    onOff: (listener) => offListeners.push(listener),
    get isOn() {
      return standing.length > 0;
    },
    standing: () =>
      standing.map(({ id, left, parameters: given, struck }) => ({ id, parameters: given, struck, left })),
  };
}

/** What all switches of a simulator share; `onChange` tells when one is thrown. */
export function createSwitchContext(seed: number): SwitchContext {
  const listeners = new Set<() => void>();
  let lastId = 0;
  return {
    seed,
    nextId: () => ++lastId,
    changed() {
      for (const listener of listeners) listener();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

function frequencyOf(parameters: unknown) {
  if (!Value.Check(frequency, parameters)) throw new FaultError('times, probability or seed cannot be read');
  return parameters;
}

export type SwitchContext = {
  /** Of every fault that is not given one. */
  readonly seed: number;
  nextId(): number;
  changed(): void;
  /** Answers how to stop listening. */
  onChange(listener: () => void): () => void;
};

export type FaultSwitch<S extends TObject> = {
  readonly kind: 'switch';
  /** What it does, in a sentence. */
  readonly about: string;
  readonly parameters: S;
  /** Several may be on at once. Throws FaultError for wrong parameters. */
  on(...given: Given<Static<S>>): SwitchedOn;
  /** The same with parameters from outside. */
  onWith(given: unknown): SwitchedOn;
  /** Switches off the one with this id, or all; says how many. */
  off(id?: number): number;
  /** Asked on every occasion: the parameters when it strikes now, which counts. */
  strike(matches?: (parameters: Static<S>) => boolean): Static<S> | undefined;
  /** The parameters of every one that is on; nothing counts. */
  all(): readonly Static<S>[];
  /** Calls back whenever it is switched off, but not when it has struck for the last time. */
  onOff(listener: () => void): void;
  readonly isOn: boolean;
  standing(): readonly StandingFault[];
};

export type SwitchedOn = { readonly id: number; off(): number };

export type StandingFault = {
  readonly id: number;
  readonly parameters: object;
  readonly struck: number;
  /** Null: it never stops by itself. */
  readonly left: number | null;
};

/** Parameters may be left out where each of them may. */
export type Given<P> = Partial<P> extends P ? [parameters?: P] : [parameters: P];

type Standing<P> = {
  readonly id: number;
  readonly parameters: P;
  readonly chance: () => boolean;
  left: number | null;
  struck: number;
};
