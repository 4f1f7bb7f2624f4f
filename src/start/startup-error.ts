import { ConfigError } from '../config/config-error.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { defaultActions } from '../salesforce/failures/rule.ts';

/** Why the service can't start: a line for a person that names the cause and the setting. */
export function startFailure(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  if (error instanceof SalesforceError) return salesforceFailure(error);
  const { code, port, address, message } = error as NodeJS.ErrnoException & {
    port?: number;
    address?: string;
  };
  if (code === 'EADDRINUSE')
    return `PORT: ${port} is in use on ${address}; stop what listens there or set another PORT`;
  if (code === 'EACCES' && port !== undefined)
    return `PORT: ${port} may not be opened by this user; set another PORT`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST: this machine can't listen there (${message})`;
  return oneLine(message ?? String(error));
}

function salesforceFailure({ code, message, failure, setting, action }: SalesforceError): string {
  const said = `${oneLine(message)} (${code})`;
  if (code.startsWith('topic.') || code === 'subscription.topic.cannot.subscribe') {
    return `CDC_TOPIC: ${said}. ${action}`;
  }
  if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') {
    return `PUBSUB_ENDPOINT: the Pub/Sub API can't be reached: ${said}`;
  }
  if (setting !== undefined && message.startsWith(setting)) return oneLine(message);
  if (code === 'UNIMPLEMENTED') return `PUBSUB_ENDPOINT: there is no Pub/Sub API there: ${said}`;
  if (networkCodes.has(code)) return `SALESFORCE_LOGIN_URL: Salesforce can't be reached: ${said}`;
  if (setting !== undefined) return `${setting}: ${said}. ${action}`;
  if (failure === 'transient') return `Salesforce does not answer as it should: ${said}`;
  const refused = `Salesforce refused the sign-in: ${said}`;
  if (action !== defaultActions[failure]) return `${refused}. ${action}`;
  return `${refused}; check SALESFORCE_LOGIN_URL and the SALESFORCE_ credentials`;
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'TIMEOUT',
]);

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
