import { Type } from 'typebox';
import type { SaveError } from '../model.ts';
import type { AttemptedWrite } from '../org-faults.ts';
import { faultSwitch, type SwitchContext } from './fault-switch.ts';
import { often } from './often.ts';
import { closed } from './parameters.ts';

/** Writes of single records that are refused by rule, alone and in collections alike. */
export function recordSwitches(context: SwitchContext) {
  const refused = faultSwitch(
    context,
    'Creating and changing a record is refused with an error code, for the records that fit every rule given.',
    Type.Object(
      {
        errorCode: Type.Enum(Object.keys(MESSAGES)),
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
  /** By the parameters of a fault that is on: how many writes fitted it, and whom it has struck. */
  const history = new WeakMap<object, { seen: number; readonly struck: Set<string> }>();

  function strikesNow(rule: Rule, recordId: string | undefined): boolean {
    const known = history.get(rule) ?? { seen: 0, struck: new Set() };
    history.set(rule, known);
    if (rule.oncePerRecord && recordId !== undefined && known.struck.has(recordId)) return false;
    known.seen += 1;
    return known.seen % (rule.everyNth ?? 1) === 0;
  }

  return {
    refused,
    refuse(write: AttemptedWrite): SaveError | undefined {
      const rule = refused.strike((each) => fits(each, write) && strikesNow(each, write.before?.id));
      if (rule === undefined) return undefined;
      if (write.before !== undefined) history.get(rule)?.struck.add(write.before.id);
      return saveError(rule, write);
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

function saveError({ errorCode, field }: Rule, { before }: AttemptedWrite): SaveError {
  const [message = errorCode, fields = []] = MESSAGES[errorCode] ?? [];
  return {
    statusCode: errorCode,
    message: message.replace('{id}', before?.id.slice(0, 15) ?? 'unknown'),
    fields: field === undefined ? fields : [field],
  };
}

const MESSAGES: Readonly<Record<string, readonly [message: string, fields?: readonly string[]]>> = {
  UNABLE_TO_LOCK_ROW: ['unable to obtain exclusive access to this record or 1 records: {id}'],
  FIELD_CUSTOM_VALIDATION_EXCEPTION: ['A validation rule of the sandbox org refuses this record'],
  DUPLICATE_VALUE: ['duplicate value found: SignUpCode__c duplicates value on record with id: {id}'],
  DUPLICATES_DETECTED: ['Use one of these records?'],
  ENTITY_IS_DELETED: ['entity is deleted'],
  INSUFFICIENT_ACCESS_OR_READONLY: ['insufficient access rights on object id'],
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: ['AccountTrigger: execution of BeforeUpdate'],
  STRING_TOO_LONG: ['Sign Up Code: data value too large: (max length=32)', ['SignUpCode__c']],
  INVALID_FIELD_FOR_INSERT_UPDATE: [
    'Unable to create/update fields: SignUpCode__c. Please check the security settings of this field and verify that it is read/write for your profile or permission set.',
    ['SignUpCode__c'],
  ],
  SERVER_UNAVAILABLE: ['the server is busy'],
  UNKNOWN_EXCEPTION: ['An unexpected error occurred'],
};

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
