import { entropyBits, minBits } from '../codes/code-format.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { CodeField } from '../salesforce/signup-codes.ts';

/** Why codes can't be written, for a person. */
export type Reason = {
  readonly code: string;
  readonly message: string;
  /** What an operator does about it, if the message does not say so. */
  readonly action?: string;
};

/** What is wrong with the field of the codes, if anything; nothing is written until a person has mended it. */
export function fieldProblem(rules: CodeRules, field: CodeField | undefined): Reason | undefined {
  const name = `Account.${rules.field}`;
  if (field === undefined) {
    return problem('field-missing', `${name} doesn't exist, or the user of Tidemark may not see it.`);
  }
  if (!['string', 'textarea'].includes(field.type)) {
    return problem('field-type', `${name} is a field of type ${field.type}; it has to be a text.`);
  }
  if (!field.updateable) {
    return problem('field-not-writable', `The user of Tidemark may not edit ${name}.`);
  }
  const length = rules.format.prefix.length + rules.format.length;
  if (field.length < length) {
    return problem(
      'field-too-short',
      `${name} holds ${field.length} characters, and a code has ${length}; make the field longer or the code shorter (SIGNUP_CODE_LENGTH).`,
    );
  }
  if (!field.unique) {
    return problem('field-not-unique', `${name} isn't unique; tick "Unique" in its definition.`);
  }
  const bits = entropyBits(rules.format, field.caseSensitive);
  if (bits < minBits) {
    return problem(
      'field-ignores-case',
      `${name} takes upper and lower case for the same, which leaves ${bits.toFixed(1)} bits of ${minBits}; make it case-sensitive or the code longer (SIGNUP_CODE_LENGTH).`,
    );
  }
  return undefined;
}

function problem(code: string, message: string): Reason {
  return { code, message };
}
