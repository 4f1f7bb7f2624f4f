import { apiFailures, apiRules, readOnlyCode } from '../salesforce/failures/api.ts';
import { recordFailures, recordRules } from '../salesforce/failures/record.ts';
import { type AnswerClass, findRule } from '../salesforce/failures/rule.ts';

/** The codes whose failures are over when the field is as it has to be. */
export const fieldCodes: readonly string[] = [...apiRules, ...recordRules]
  .filter(({ answer }) => answer === 'field')
  .flatMap(({ codes }) => codes);

// What an automation of the org hit is only in the message of its own error. The first that fits counts.
const hidden: readonly (readonly [part: string, AnswerClass])[] = [
  [readOnlyCode, 'org'],
  ['UNABLE_TO_LOCK_ROW', 'again'],
  ['System.LimitException', 'batch'],
];

/**
 * What a refusal of one record asks for. A code that is not known is taken for `batch`: it is not final until the record
 * failed alone.
 * @param field the field of the codes
 */
export function classOf(code: string, message: string, field: string): AnswerClass {
  // Salesforce gave no code, or no answer for the record.
  if (code === 'UNKNOWN') return 'again';
  const answer = answerOf(code, message) ?? 'batch';
  if (answer === 'taken') return isOther(message, field) ? 'permanent' : 'taken';
  if (answer !== 'batch' && answer !== 'permanent') return answer;
  return hidden.find(([part]) => message.includes(part))?.[1] ?? answer;
}

function answerOf(code: string, message: string): AnswerClass | undefined {
  return findRule(apiFailures, code, message)?.answer ?? findRule(recordFailures, code, message)?.answer;
}

/** An automation of the org can write another unique field at the same time; a new code would not help it. */
function isOther(message: string, field: string): boolean {
  const named = /duplicate value found: (\w+) duplicates value/.exec(message)?.[1]?.toLowerCase();
  return named !== undefined && !field.toLowerCase().endsWith(named);
}

// Failures of a whole call that fewer records can avoid. Source: "Status Codes", SOAP API guide.
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
