import { databaseAction, databaseFault } from '../db/database-fault.ts';
import { type FailureClass, SalesforceError } from '../salesforce/error.ts';
import type { Cause } from './facts.ts';

/** Why something failed, as it is stored and shown: what is not Salesforce's failure is the database's. */
export function failureCause(error: unknown): Cause {
  if (!(error instanceof SalesforceError)) return databaseFault(error);
  const { code, message, failure } = error;
  return { code, message, action: actionOf(error), needsPerson: needsPerson(failure) };
}

/** Whether a failure stays until a person has changed something. */
export function needsPerson(failure: FailureClass): boolean {
  return failure === 'config' || failure === 'permission' || failure === 'bug';
}

/** What an operator does about a failure, with the setting that it concerns. */
export function actionOf({ code, setting, action }: SalesforceError): string {
  const own = databaseAction(code) ?? action;
  return setting === undefined || own.includes(setting) ? own : `${own} Setting: ${setting}.`;
}
