import { SalesforceError } from './error.ts';

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
