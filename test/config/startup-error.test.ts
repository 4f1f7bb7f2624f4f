import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { type FailureClass, judgeOAuth, SalesforceError } from '../../src/salesforce/error.ts';
import { describeStartupError } from '../../src/start/startup-error.ts';

const salesforce = (code: string, failure: FailureClass, message = 'It says so.'): string =>
  describeStartupError(new SalesforceError(message, code, failure));

describe('reasons why the service cannot start', () => {
  it('each invalid setting is one line', () => {
    expect(describeStartupError(new ConfigError(['PORT: no', 'HOST: no']))).toBe('PORT: no\nHOST: no');
  });

  it.each<[string, FailureClass, string]>([
    ['topic.not.found', 'config', 'CDC_TOPIC: It says so. (topic.not.found). Correct the setting'],
    ['subscription.topic.cannot.subscribe', 'permission', 'CDC_TOPIC: It says so.'],
    ['UNAVAILABLE', 'transient', 'PUBSUB_ENDPOINT: the Pub/Sub API cannot be reached'],
    ['DEADLINE_EXCEEDED', 'transient', 'PUBSUB_ENDPOINT: the Pub/Sub API cannot be reached'],
    ['UNIMPLEMENTED', 'config', 'PUBSUB_ENDPOINT: this is not the Pub/Sub API'],
    ['ECONNREFUSED', 'transient', 'SALESFORCE_LOGIN_URL: Salesforce cannot be reached'],
    ['ENOTFOUND', 'transient', 'SALESFORCE_LOGIN_URL: Salesforce cannot be reached'],
    ['TIMEOUT', 'transient', 'SALESFORCE_LOGIN_URL: Salesforce cannot be reached'],
    ['SERVER_UNAVAILABLE', 'transient', 'Salesforce is not available: It says so.'],
    [
      'invalid_grant',
      'config',
      'Salesforce rejected the sign-in: It says so. (invalid_grant); check SALESFORCE_LOGIN_URL',
    ],
    [
      'SALESFORCE_PRIVATE_KEY',
      'config',
      'Salesforce rejected the sign-in: It says so. (SALESFORCE_PRIVATE_KEY)',
    ],
  ])('the error names the cause of %s and the setting', (code, failure, line) => {
    expect(salesforce(code, failure).startsWith(line)).toBe(true);
  });

  it.each([
    ['user is inactive', 'Activate the integration user in Salesforce (Setup → Users).'],
    ['ip restricted', "Allow Tidemark's IP address"],
  ])('the error of a sign-in that is refused says what to do in Salesforce: %s', (message, action) => {
    const { failure, ...details } = judgeOAuth({ code: 'invalid_grant', message, status: 400 });
    const line = describeStartupError(new SalesforceError(message, 'invalid_grant', failure, details));
    expect(line).toContain(`Salesforce rejected the sign-in: ${message} (invalid_grant). ${action}`);
  });

  it('the error is one line whatever Salesforce said', () => {
    expect(salesforce('ERROR_HTTP_404', 'config', '<html>\n  <body>no\r\n</body>')).not.toMatch(/[\r\n]/);
  });

  it('a port that is taken is named', async () => {
    const first = createServer();
    await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
    const address = first.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const second = createServer();
    const error = await new Promise((resolve) => second.on('error', resolve).listen(port, '127.0.0.1'));
    await new Promise((resolve) => first.close(resolve));
    expect(describeStartupError(error)).toBe(
      `PORT: ${port} is in use on 127.0.0.1; stop the other process or set another PORT`,
    );
  });

  it('a host that this machine does not have is named', async () => {
    const server = createServer();
    // An address for documentation: no host has it.
    const error = await new Promise((resolve) => server.on('error', resolve).listen(0, '192.0.2.1'));
    expect(describeStartupError(error)).toMatch(/^HOST: cannot listen on this address \(/);
  });

  it('any other error is its message in one line', () => {
    expect(describeStartupError(new Error('DATABASE_URL: password\nauthentication failed'))).toBe(
      'DATABASE_URL: password authentication failed',
    );
    expect(describeStartupError('just a text')).toBe('just a text');
  });
});
