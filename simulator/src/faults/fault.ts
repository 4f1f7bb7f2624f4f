import { type Static, type TObject, type TObjectOptions, type TProperties, Type } from 'typebox';
import { Value } from 'typebox/value';
import { createRandom } from '../random.ts';
import { FaultError, frequency, parameterError } from './parameters.ts';

/**
 * A fault that stays on until it is switched off or has struck `times` times.
 * With `unavailableReason` it cannot be switched on.
 */
export function faultSwitch<P extends TProperties>(
  context: SwitchContext,
  about: string,
  properties: P,
  unavailableReason?: string,
): FaultSwitch<Static<TObject<P>>> {
  const parameters = Type.Object(properties, CLOSED);
  let active: Entry<Static<TObject<P>>>[] = [];
  const offListeners: (() => void)[] = [];

  function switchOn(given: unknown): SwitchedOn {
    if (unavailableReason !== undefined) throw new FaultError(unavailableReason);
    if (!Value.Check(parameters, given)) throw parameterError(parameters, given);
    const { times = null, probability = 1, seed = context.seed } = Value.Check(FREQUENCY, given) ? given : {};
    const { chance } = createRandom(seed);
    const entry: Entry<Static<TObject<P>>> = {
      id: context.nextId(),
      parameters: given,
      left: times,
      struck: 0,
      chance: () => probability === 1 || chance(probability),
    };
    active.push(entry);
    context.changed();
    return { id: entry.id, off: () => switchOff(entry.id) };
  }

  function switchOff(id?: number): number {
    const kept = id === undefined ? [] : active.filter((entry) => entry.id !== id);
    const ended = active.length - kept.length;
    active = kept;
    if (ended === 0) return 0;
    context.changed();
    for (const listener of offListeners) listener();
    return ended;
  }

  return {
    kind: 'switch',
    about,
    parameters,
    on: (...[given]) => switchOn(given ?? {}),
    onWith: switchOn,
    off: switchOff,
    strike(matches = () => true) {
      const entry = active.find((each) => matches(each.parameters) && each.chance());
      if (entry === undefined) return undefined;
      entry.struck += 1;
      if (entry.left !== null) {
        entry.left -= 1;
        if (entry.left === 0) active = active.filter((each) => each !== entry);
      }
      return entry.parameters;
    },
    all: () => active.map((entry) => entry.parameters),
    onOff: (listener) => offListeners.push(listener),
    get isOn() {
      return active.length > 0;
    },
    active: () =>
      active.map(({ id, left, parameters: given, struck }) => ({ id, parameters: given, struck, left })),
  };
}

/** A fault that happens once, when it is requested. */
export function faultAct<P extends TProperties, Outcome extends object>(
  about: string,
  properties: P,
  act: (parameters: Static<TObject<P>>) => Outcome,
  options: TObjectOptions = {},
): FaultAct<Static<TObject<P>>, Outcome> {
  const parameters = Type.Object(properties, { ...CLOSED, ...options });
  function nowWith(given: unknown): Outcome {
    if (!Value.Check(parameters, given)) throw parameterError(parameters, given);
    return act(given);
  }
  return { kind: 'act', about, parameters, now: (...[given]) => nowWith(given ?? {}), nowWith };
}

/** What all switches of a simulator share. */
export function createSwitchContext(seed: number) {
  const listeners = new Set<() => void>();
  let lastId = 0;
  return {
    /** Default of the parameter `seed`. */
    seed,
    nextId: () => ++lastId,
    changed() {
      for (const listener of listeners) listener();
    },
    /** Calls back when a fault is switched on or off. Returns a function that unsubscribes. */
    onChange(listener: () => void): () => void {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

const CLOSED = { additionalProperties: false };
const FREQUENCY = Type.Object(frequency);

export type SwitchContext = ReturnType<typeof createSwitchContext>;

type FaultSwitch<Parameters> = {
  readonly kind: 'switch';
  /** The effect, in a sentence. */
  readonly about: string;
  readonly parameters: TObject;
  /** Several may be on at the same time. Throws FaultError for invalid parameters. */
  on(...given: Given<Parameters>): SwitchedOn;
  /** As `on`, with unchecked parameters. */
  onWith(given: unknown): SwitchedOn;
  /** Switches off the one with this id, or all; returns their number. */
  off(id?: number): number;
  /** Called on every occasion. Counts a strike and returns its parameters if the fault strikes now. */
  strike(matches?: (parameters: Parameters) => boolean): Parameters | undefined;
  /** The parameters of every one that is on, without counting a strike. */
  all(): readonly Parameters[];
  /** Calls back when it is switched off, but not after its last strike. */
  onOff(listener: () => void): void;
  readonly isOn: boolean;
  active(): readonly ActiveFault[];
};

type FaultAct<Parameters, Outcome extends object> = {
  readonly kind: 'act';
  /** The effect, in a sentence. */
  readonly about: string;
  readonly parameters: TObject;
  /** Throws FaultError for invalid parameters. */
  now(...given: Given<Parameters>): Outcome;
  /** As `now`, with unchecked parameters. */
  nowWith(given: unknown): Outcome;
};

export type SwitchedOn = { readonly id: number; off(): number };

/** The parameters are optional if each of them is. */
type Given<Parameters> =
  Partial<Parameters> extends Parameters ? [parameters?: Parameters] : [parameters: Parameters];

type ActiveFault = {
  readonly id: number;
  readonly parameters: object;
  readonly struck: number;
  /** Remaining strikes; null: unlimited. */
  readonly left: number | null;
};

type Entry<Parameters> = {
  -readonly [Key in keyof ActiveFault]: ActiveFault[Key];
} & { readonly parameters: Parameters; readonly chance: () => boolean };
