import { apiFailures, apiRules, readOnlyCode } from '../salesforce/failures/api.ts';
import { recordFailures, recordRules } from '../salesforce/failures/record.ts';
import { findRule, type RefusalClass } from '../salesforce/failures/rule.ts';

/** Error codes that are resolved when the field is valid. */
export const fieldCodes: readonly string[] = [...apiRules, ...recordRules]
  .filter(({ refusal }) => refusal === 'field')
  .flatMap(({ codes }) => codes);

// If an automation of the org fails, only its message names the actual cause. The first match wins.
const causesInMessages: readonly (readonly [part: string, RefusalClass])[] = [
  [readOnlyCode, 'org'],
  ['UNABLE_TO_LOCK_ROW', 'retry'],
  ['System.LimitException', 'batch'],
];

/**
 * Classifies the refusal of one record. An unknown error code is `batch`: it is final only if the record failed alone.
 * @param field API name of the signup code field
 */
export function classifyRefusal(code: string, message: string, field: string): RefusalClass {
  // Salesforce returned no error code, or no result for the record.
  if (code === 'UNKNOWN') return 'retry';
  const refusal = refusalOf(code, message) ?? 'batch';
  if (refusal === 'taken') return namesOtherField(message, field) ? 'permanent' : 'taken';
  if (refusal !== 'batch' && refusal !== 'permanent') return refusal;
  return causesInMessages.find(([part]) => message.includes(part))?.[1] ?? refusal;
}

function refusalOf(code: string, message: string): RefusalClass | undefined {
  return findRule(apiFailures, code, message)?.refusal ?? findRule(recordFailures, code, message)?.refusal;
}

/**
 * Whether the duplicate is in another unique field, which an automation of the org writes: a new code does not help.
 */
function namesOtherField(message: string, field: string): boolean {
  const named = /duplicate value found: (\w+) duplicates value/.exec(message)?.[1]?.toLowerCase();
  return named !== undefined && !field.toLowerCase().endsWith(named);
}

// Failures of a whole call that can be avoided by sending fewer records. Source: "Status Codes", SOAP API guide.
const tooLarge = new Set([
  'APEX_ERROR',
  'EXCEEDED_MAX_SIZE_REQUEST',
  'ERROR_HTTP_413',
  'OPERATION_TOO_LARGE',
  'QUERY_TIMEOUT',
  'REQUEST_RUNNING_TOO_LONG',
  'TIMEOUT',
]);

/** Whether a call that failed as a whole may succeed with fewer records. */
export function isTooLarge({ code, message }: { readonly code: string; readonly message: string }): boolean {
  return tooLarge.has(code) || message.includes('System.LimitException');
}
