import { accountPrefix, parseRecordId } from '../../salesforce/record-id.ts';
import { invalid } from '../problem.ts';

/**
 * Reads a record id given as a parameter; answers its 18-character form.
 * @throws Problem 400 naming the parameter
 */
export function readRecordId(parameter: string, text: string): string {
  const id = parseRecordId(text);
  if (id === undefined) {
    throw invalid(parameter, 'must be a record id of 15 characters, or of 18 with the right checksum');
  }
  return id;
}

/**
 * Reads the id of an account given as a parameter; answers its 18-character form.
 * @throws Problem 400 naming the parameter
 */
export function readAccountId(parameter: string, text: string): string {
  const id = readRecordId(parameter, text);
  if (!id.startsWith(accountPrefix)) {
    throw invalid(parameter, `must be the id of an account, which begins with ${accountPrefix}`);
  }
  return id;
}
