import { createHash } from 'node:crypto';
import { Type } from 'typebox';
import type { Caller, SaveError } from '../org/model.ts';
import type { AttemptedWrite, OrgFaults } from '../org/org-faults.ts';
import { createRandom } from '../random.ts';
import { faultSwitch, type SwitchContext } from './fault.ts';
import { client, frequency, recordIds } from './parameters.ts';
import { REFUSAL_CODES, refusal } from './refusals.ts';

/** Refused writes: of single records by rule, or of whole requests by a trigger or a maintenance of the org. */
export function recordSwitches(context: SwitchContext) {
  const field = Type.Optional(Type.String({ minLength: 1, description: 'only writes of this field' }));
  return {
    refused: faultSwitch(
      context,
      'Creating and changing a record is refused with an error code if the record matches all parameters.',
      {
        errorCode: Type.Enum(REFUSAL_CODES),
        everyNth: Type.Optional(Type.Integer({ minimum: 1, description: 'only every nth of them' })),
        oncePerRecord: Type.Optional(
          Type.Boolean({ description: 'the second attempt on a record succeeds' }),
        ),
        recordIds,
        namePattern: Type.Optional(
          Type.String({ format: 'regex', description: 'a regular expression for the name of the account' }),
        ),
        field,
        client,
        ...frequency,
      },
    ),
    mixed: faultSwitch(
      context,
      'Changing a record is refused for a share of the records, each with one of several error codes.',
      {
        share: Type.Number({ minimum: 0, maximum: 1, description: 'of the records' }),
        seed: Type.Optional(Type.Integer({ description: 'determines the records and their error codes' })),
        errors: Type.Array(
          Type.Object(
            {
              errorCode: Type.Enum(REFUSAL_CODES),
              attempts: Type.Optional(
                Type.Integer({ minimum: 1, description: 'attempts per record that fail; all by default' }),
              ),
            },
            { additionalProperties: false },
          ),
          { minItems: 1 },
        ),
        field,
        client,
      },
    ),
    trigger: faultSwitch(
      context,
      'A trigger throws: every record of a collection fails if the collection is too large or contains a matching account.',
      {
        maxRecords: Type.Optional(
          Type.Integer({ minimum: 0, description: 'larger collections fail; unlimited by default' }),
        ),
        namePattern: Type.Optional(
          Type.String({ format: 'regex', description: 'a regular expression for the name of an account' }),
        ),
        cause: Type.Optional(
          Type.String({ minLength: 1, description: 'exception, by default System.LimitException' }),
        ),
        client,
        ...frequency,
      },
    ),
    readOnly: faultSwitch(
      context,
      'The org is read-only, as during a site switch or an upgrade: every write is refused.',
      {
        errorCode: Type.Optional(Type.Enum(REFUSAL_CODES, { description: `${MAINTENANCE} by default` })),
        client,
        ...frequency,
      },
    ),
  };
}

export function recordFaults({ mixed, readOnly, refused, trigger }: RecordSwitches): OrgFaults {
  const refuseByRule = ruleRefusals(refused);
  const refuseByMix = mixRefusals(mixed);
  return {
    refuseWrite: (write) => refuseByRule(write) ?? refuseByMix(write),
    refuseCollection({ caller, names }) {
      const thrown = trigger.strike(
        (each) =>
          isOfClient(each, caller) &&
          (names.length > (each.maxRecords ?? Number.POSITIVE_INFINITY) ||
            names.some((name) => each.namePattern !== undefined && new RegExp(each.namePattern).test(name))),
      );
      return thrown && triggerError(thrown.cause);
    },
    refuseAll(caller) {
      const closedFor = readOnly.strike((each) => isOfClient(each, caller));
      return closedFor && refusal(closedFor.errorCode ?? MAINTENANCE, undefined);
    },
  };
}

function ruleRefusals(refused: RecordSwitches['refused']) {
  /** By the parameters of an active fault: how many writes matched, and the records it struck. */
  const history = new WeakMap<object, { matched: number; readonly struck: Set<string> }>();

  function strikesNow(rule: Rule, recordId: string | undefined): boolean {
    const known = history.get(rule) ?? { matched: 0, struck: new Set() };
    history.set(rule, known);
    if (rule.oncePerRecord && recordId !== undefined && known.struck.has(recordId)) return false;
    known.matched += 1;
    return known.matched % (rule.everyNth ?? 1) === 0;
  }

  return (write: AttemptedWrite): SaveError | undefined => {
    const id = write.before?.id;
    const rule = refused.strike((each) => matchesRule(each, write) && strikesNow(each, id));
    if (rule === undefined) return undefined;
    if (id !== undefined) history.get(rule)?.struck.add(id);
    return refusal(rule.errorCode, id, rule.field);
  };
}

function mixRefusals(mixed: RecordSwitches['mixed']) {
  /** By the parameters of an active fault: refused attempts by record. */
  const refusedAttempts = new WeakMap<object, Map<string, number>>();

  return ({ before, caller, values }: AttemptedWrite): SaveError | undefined => {
    if (before === undefined) return undefined;
    const { id } = before;
    let error: MixedError | undefined;
    const mix = mixed.strike((each) => {
      const isConcerned = isOfClient(each, caller) && (each.field === undefined || each.field in values);
      error = isConcerned ? mixedErrorOf(each, id) : undefined;
      const attempts = refusedAttempts.get(each)?.get(id) ?? 0;
      return error !== undefined && attempts < (error.attempts ?? Number.POSITIVE_INFINITY);
    });
    if (mix === undefined || error === undefined) return undefined;
    const attempts = refusedAttempts.get(mix) ?? new Map<string, number>();
    refusedAttempts.set(mix, attempts.set(id, (attempts.get(id) ?? 0) + 1));
    return refusal(error.errorCode, id, mix.field);
  };
}

function matchesRule(rule: Rule, { before, caller, values }: AttemptedWrite): boolean {
  const name = String(values['Name'] ?? before?.values['Name'] ?? '');
  return (
    isOfClient(rule, caller) &&
    (rule.field === undefined || rule.field in values) &&
    (rule.recordIds === undefined || (before !== undefined && rule.recordIds.includes(before.id))) &&
    (rule.namePattern === undefined || new RegExp(rule.namePattern).test(name))
  );
}

function isOfClient(rule: { readonly client?: string }, caller: Caller): boolean {
  return rule.client === undefined || rule.client === caller.client;
}

/** The error of a record if it belongs to the share. It depends only on the seed and the id. */
export function mixedErrorOf({ share, seed = 1, errors }: Mix, recordId: string): MixedError | undefined {
  const hash = createHash('sha256').update(`${seed} ${recordId}`).digest().readUInt32LE(0);
  const random = createRandom(hash);
  return random.chance(share) ? random.pick(errors) : undefined;
}

function triggerError(cause = 'System.LimitException: Apex CPU time limit exceeded'): SaveError {
  const message = `AccountTrigger: execution of AfterUpdate\n\ncaused by: ${cause}\n\n(System Code)`;
  return { statusCode: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', message, fields: [] };
}

const MAINTENANCE = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';

type RecordSwitches = ReturnType<typeof recordSwitches>;
type Rule = Parameters<RecordSwitches['refused']['on']>[0];
type MixedError = { readonly errorCode: string; readonly attempts?: number };
export type Mix = { readonly share: number; readonly seed?: number; readonly errors: readonly MixedError[] };
