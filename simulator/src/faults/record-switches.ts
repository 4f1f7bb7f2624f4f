import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import type { SaveError } from '../org/model.ts';
import type { AttemptedWrite } from '../org/org-faults.ts';
import { createRandom } from '../random.ts';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed } from './parameters.ts';
import { REFUSAL_CODES, refusal } from './save-error-texts.ts';

/** Writes of single records that are refused by rule, alone and in collections alike. */
export function recordSwitches(context: SwitchContext) {
  const refused = faultSwitch(
    context,
    'Creating and changing a record is refused with an error code, for the records that fit every rule given.',
    Type.Object(
      {
        errorCode: Type.Enum(REFUSAL_CODES),
        everyNth: Type.Optional(Type.Integer({ minimum: 1, description: 'only every nth of them' })),
        oncePerRecord: Type.Optional(
          Type.Boolean({ description: 'the second attempt on a record succeeds' }),
        ),
        recordIds: Type.Optional(Type.Array(Type.String({ minLength: 18, maxLength: 18 }), { minItems: 1 })),
        namePattern: Type.Optional(
          Type.String({ format: 'regex', description: 'a regular expression for the name of the account' }),
        ),
        field: Type.Optional(Type.String({ minLength: 1, description: 'only writes of this field' })),
        client: Type.Optional(Type.String({ minLength: 1, description: 'only by the client of this name' })),
        ...often,
      },
      closed,
    ),
  );
  const mixed = faultSwitch(
    context,
    'Changing a record is refused for a share of the records, each with one of several error codes of its own.',
    Type.Object(
      {
        share: Type.Number({ minimum: 0, maximum: 1, description: 'of the records' }),
        seed: Type.Optional(Type.Integer({ description: 'decides which records, and with which code' })),
        errors: Type.Array(
          Type.Object(
            {
              errorCode: Type.Enum(REFUSAL_CODES),
              attempts: Type.Optional(
                Type.Integer({ minimum: 1, description: 'so many of a record; all unless told' }),
              ),
            },
            closed,
          ),
          { minItems: 1 },
        ),
        field: Type.Optional(Type.String({ minLength: 1, description: 'only writes of this field' })),
        client: Type.Optional(Type.String({ minLength: 1, description: 'only by the client of this name' })),
      },
      closed,
    ),
  );
  const refusedAttempts = new WeakMap<object, Map<string, number>>();
  /** By the parameters of a fault that is on: how many writes fitted it, and whom it has struck. */
  const history = new WeakMap<object, { seen: number; readonly struck: Set<string> }>();

  function strikesNow(rule: Rule, recordId: string | undefined): boolean {
    const known = history.get(rule) ?? { seen: 0, struck: new Set() };
    history.set(rule, known);
    if (rule.oncePerRecord && recordId !== undefined && known.struck.has(recordId)) return false;
    known.seen += 1;
    return known.seen % (rule.everyNth ?? 1) === 0;
  }

  function refuseOfMix({ before, caller, values }: AttemptedWrite): SaveError | undefined {
    if (before === undefined) return undefined;
    const { id } = before;
    let fate: MixedError | undefined;
    const mix = mixed.strike((each) => {
      const concerned =
        (each.client === undefined || each.client === caller.client) &&
        (each.field === undefined || each.field in values);
      fate = concerned ? fateOf(each, id) : undefined;
      const attempts = refusedAttempts.get(each)?.get(id) ?? 0;
      return fate !== undefined && attempts < (fate.attempts ?? Number.POSITIVE_INFINITY);
    });
    if (mix === undefined || fate === undefined) return undefined;
    const attempts = refusedAttempts.get(mix) ?? new Map<string, number>();
    refusedAttempts.set(mix, attempts.set(id, (attempts.get(id) ?? 0) + 1));
    return refusal(fate.errorCode, id, mix.field);
  }

  return {
    refused,
    mixed,
    refuse(write: AttemptedWrite): SaveError | undefined {
      const rule = refused.strike((each) => fits(each, write) && strikesNow(each, write.before?.id));
      if (rule === undefined) return refuseOfMix(write);
      if (write.before !== undefined) history.get(rule)?.struck.add(write.before.id);
      return refusal(rule.errorCode, write.before?.id, rule.field);
    },
  };
}

function fits(rule: Rule, { before, caller, values }: AttemptedWrite): boolean {
  const name = String(values['Name'] ?? before?.values['Name'] ?? '');
  return (
    (rule.client === undefined || rule.client === caller.client) &&
    (rule.field === undefined || rule.field in values) &&
    (rule.recordIds === undefined || (before !== undefined && rule.recordIds.includes(before.id))) &&
    (rule.namePattern === undefined || new RegExp(rule.namePattern).test(name))
  );
}

/** Which of its codes a record is refused with, if it is one of the share: the same for ever, by the seed. */
export function fateOf({ share, seed = 1, errors }: Mix, recordId: string): MixedError | undefined {
  const random = createRandom(hash(`${seed} ${recordId}`));
  return random.chance(share) ? random.pick(errors) : undefined;
}

function hash(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

export type RecordSwitches = ReturnType<typeof recordSwitches>;

type Rule = {
  readonly errorCode: string;
  readonly everyNth?: number;
  readonly oncePerRecord?: boolean;
  readonly recordIds?: readonly string[];
  readonly namePattern?: string;
  readonly field?: string;
  readonly client?: string;
};

type MixedError = { readonly errorCode: string; readonly attempts?: number };
export type Mix = { readonly share: number; readonly seed?: number; readonly errors: readonly MixedError[] };
