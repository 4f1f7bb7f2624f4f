import { SalesforceError } from '../salesforce/error.ts';
import { exceedsBound } from './deletion/deletion-bound.ts';

/** Nothing of what it read can be used any more: the next try begins from the start. */
export class ReadingLostError extends Error {
  readonly why: SalesforceError;

  constructor(why: SalesforceError) {
    super(why.message, { cause: why });
    this.name = 'ReadingLostError';
    this.why = why;
  }
}

/**
 * A complete result has about as many records as Salesforce counted before. One that has far fewer is not complete: an
 * empty page, or a right that was taken away meanwhile.
 * @throws ReadingLostError
 */
export function expectComplete(read: number, expected: number): void {
  if (!exceedsBound(expected - read, expected)) return;
  const message = `Salesforce counts ${expected} records, but returned ${read}.`;
  throw new ReadingLostError(new SalesforceError(message, 'BAD_ANSWER', 'transient'));
}
