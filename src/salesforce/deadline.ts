import { fromRestError, SalesforceError } from './error.ts';

/** Gives up waiting for `answer` after `ms`: no request to Salesforce may hang for ever. */
export async function withDeadline<T>(answer: PromiseLike<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new SalesforceError(`no answer to ${what} within ${ms / 1000} s`, 'TIMEOUT', 'transient')),
      ms,
    );
  });
  try {
    return await Promise.race([answer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a REST answer, `ms` at most. @throws SalesforceError, whatever went wrong */
export async function restAnswer<T>(answer: PromiseLike<T>, ms: number, what: string): Promise<T> {
  try {
    return await withDeadline(answer, ms, what);
  } catch (error) {
    throw fromRestError(error);
  }
}
