import { Type } from 'typebox';
import type { Caller, SaveError } from '../org/model.ts';
import type { AttemptedCollection } from '../org/org-faults.ts';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed } from './parameters.ts';
import { REFUSAL_CODES, refusal } from './save-error-texts.ts';

/** Writes that are refused for a reason that concerns no single record: an automation of the org, or the org itself. */
export function callSwitches(context: SwitchContext) {
  const client = Type.Optional(Type.String({ minLength: 1, description: 'only by the client of this name' }));
  const trigger = faultSwitch(
    context,
    'A trigger throws: every record of a collection fails that is larger than a limit, or that holds a certain account.',
    Type.Object(
      {
        maxRecords: Type.Optional(
          Type.Integer({
            minimum: 0,
            description: 'collections of more records fail; none by their size unless told',
          }),
        ),
        namePattern: Type.Optional(
          Type.String({ format: 'regex', description: 'collections with an account of such a name fail' }),
        ),
        cause: Type.Optional(
          Type.String({ minLength: 1, description: 'what was thrown; System.LimitException unless told' }),
        ),
        client,
        ...often,
      },
      closed,
    ),
  );
  const readOnly = faultSwitch(
    context,
    'The org is read-only, as during a site switch or an upgrade: every write is refused, reading works.',
    Type.Object(
      {
        errorCode: Type.Optional(Type.Enum(REFUSAL_CODES, { description: `${maintenance} unless told` })),
        client,
        ...often,
      },
      closed,
    ),
  );
  return {
    trigger,
    readOnly,
    refuseCollection({ caller, names }: AttemptedCollection): SaveError | undefined {
      const thrown = trigger.strike(
        (each) =>
          (each.client === undefined || each.client === caller.client) &&
          (names.length > (each.maxRecords ?? Number.POSITIVE_INFINITY) || hasName(names, each.namePattern)),
      );
      return thrown && triggerError(thrown.cause);
    },
    refuseAll(caller: Caller): SaveError | undefined {
      const closedFor = readOnly.strike((each) => each.client === undefined || each.client === caller.client);
      return closedFor && refusal(closedFor.errorCode ?? maintenance, undefined);
    },
  };
}

function hasName(names: readonly string[], pattern: string | undefined): boolean {
  if (pattern === undefined) return false;
  const matcher = new RegExp(pattern);
  return names.some((name) => matcher.test(name));
}

function triggerError(cause = 'System.LimitException: Apex CPU time limit exceeded'): SaveError {
  const message = `AccountTrigger: execution of AfterUpdate\n\ncaused by: ${cause}\n\n(System Code)`;
  return { statusCode: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', message, fields: [] };
}

const maintenance = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';

export type CallSwitches = ReturnType<typeof callSwitches>;
