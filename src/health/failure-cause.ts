import { databaseAction, databaseFault } from '../db/database-fault.ts';
import { type FailureClass, SalesforceError } from '../salesforce/error.ts';
import type { Cause } from './facts.ts';

/** The cause of a failure of Salesforce or of the database. */
export function failureCause(error: unknown): Cause {
  if (!(error instanceof SalesforceError)) return databaseFault(error);
  const { code, message, failure } = error;
  return { code, message, action: actionOf(error), needsPerson: needsPerson(failure) };
}

/** Whether a failure lasts until an operator acts. */
export function needsPerson(failure: FailureClass): boolean {
  return failure === 'config' || failure === 'permission' || failure === 'bug';
}

/** What an operator should do, with the setting to check. */
export function actionOf({ code, setting, action }: SalesforceError): string {
  const own = databaseAction(code) ?? action;
  return setting === undefined || own.includes(setting) ? own : `${own} Setting: ${setting}.`;
}
