import type { Static, TObject } from 'typebox';
import { Value } from 'typebox/value';
import { wrongParameters } from './fault-error.ts';
import type { Given } from './fault-switch.ts';

/** Something that goes wrong once, at the moment it is asked for. */
export function faultAct<S extends TObject, Outcome extends object>(
  about: string,
  parameters: S,
  act: (parameters: Static<S>) => Outcome,
): FaultAct<S, Outcome> {
  function nowWith(given: unknown): Outcome {
    if (!Value.Check(parameters, given)) throw wrongParameters(parameters, given);
    return act(given);
  }
  return { kind: 'act', about, parameters, now: (...[given]) => nowWith(given ?? {}), nowWith };
}

export type FaultAct<S extends TObject, Outcome extends object> = {
  readonly kind: 'act';
  /** What it does, in a sentence. */
  readonly about: string;
  readonly parameters: S;
  /** Throws FaultError for wrong parameters. */
  now(...given: Given<Static<S>>): Outcome;
  /** The same with parameters from outside. */
  nowWith(given: unknown): Outcome;
};
