import { ConfigError } from '../config/config-error.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { defaultActions } from '../salesforce/failures/rule.ts';

/** Describes why the service cannot start, in one line with the cause and the setting. */
export function describeStartupError(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  if (error instanceof SalesforceError) return describeSalesforceError(error);
  const { code, port, address, message } = error as NodeJS.ErrnoException & {
    port?: number;
    address?: string;
  };
  if (code === 'EADDRINUSE')
    return `PORT: ${port} is in use on ${address}; stop the other process or set another PORT`;
  if (code === 'EACCES' && port !== undefined) return `PORT: ${port} requires privileges; set another PORT`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `HOST: cannot listen on this address (${message})`;
  return oneLine(message ?? String(error));
}

function describeSalesforceError({ code, message, failure, setting, action }: SalesforceError): string {
  const details = `${oneLine(message)} (${code})`;
  if (code.startsWith('topic.') || code === 'subscription.topic.cannot.subscribe') {
    return `CDC_TOPIC: ${details}. ${action}`;
  }
  if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') {
    return `PUBSUB_ENDPOINT: the Pub/Sub API cannot be reached: ${details}`;
  }
  if (setting !== undefined && message.startsWith(setting)) return oneLine(message);
  if (code === 'UNIMPLEMENTED') return `PUBSUB_ENDPOINT: this is not the Pub/Sub API: ${details}`;
  if (networkCodes.has(code)) return `SALESFORCE_LOGIN_URL: Salesforce cannot be reached: ${details}`;
  if (setting !== undefined) return `${setting}: ${details}. ${action}`;
  if (failure === 'transient') return `Salesforce is not available: ${details}`;
  const rejected = `Salesforce rejected the sign-in: ${details}`;
  if (action !== defaultActions[failure]) return `${rejected}. ${action}`;
  return `${rejected}; check SALESFORCE_LOGIN_URL and the SALESFORCE_ credentials`;
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
