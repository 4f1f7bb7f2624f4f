import { entropyBits, minBits } from '../codes/code-format.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { CodeField } from '../salesforce/signup-codes.ts';

/** Why no codes are written, as shown to operators. */
export type Reason = {
  readonly code: string;
  readonly message: string;
  /** The remedy, if the message does not contain it. */
  readonly action?: string;
};

/** Code of the reason that the API budget is spent. */
export const budgetCode = 'api-allowance';

/** Why the signup code field cannot be used; undefined if it can. No codes are written until it is corrected. */
export function fieldProblem(rules: CodeRules, field: CodeField | undefined): Reason | undefined {
  const name = `Account.${rules.field}`;
  if (field === undefined) {
    return problem(
      'field-missing',
      `${name} doesn't exist, or the integration user has no read permission for it.`,
    );
  }
  if (!['string', 'textarea'].includes(field.type)) {
    return problem('field-type', `${name} is a field of type ${field.type}; a text field is required.`);
  }
  if (!field.updateable) {
    return problem('field-not-writable', `The integration user has no edit permission for ${name}.`);
  }
  const length = rules.format.prefix.length + rules.format.length;
  if (field.length < length) {
    return problem(
      'field-too-short',
      `${name} holds ${field.length} characters, and a code has ${length}; make the field longer or the code shorter (SIGNUP_CODE_LENGTH).`,
    );
  }
  if (!field.unique) {
    return problem('field-not-unique', `${name} is not unique; select "Unique" in its definition.`);
  }
  const bits = entropyBits(rules.format, field.caseSensitive);
  if (bits < minBits) {
    return problem(
      'field-ignores-case',
      `${name} ignores case, which leaves ${bits.toFixed(1)} of the required ${minBits} bits of randomness; make it case-sensitive or the code longer (SIGNUP_CODE_LENGTH).`,
    );
  }
  return undefined;
}

function problem(code: string, message: string): Reason {
  return { code, message };
}
