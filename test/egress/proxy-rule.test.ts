import { expect, it } from 'vitest';
import { chooseProxy, isConfidential } from '../../src/egress/proxy-rule.ts';

const proxy = new URL('http://proxy.example:3128');

it.each<[string, string[], boolean]>([
  ['acme.my.salesforce.com:443', [], true],
  ['acme.my.salesforce.com:443', ['*'], false],
  ['acme.my.salesforce.com:443', ['salesforce.com'], false],
  ['acme.my.salesforce.com:443', ['.salesforce.com'], false],
  ['acme.my.salesforce.com:443', ['*.salesforce.com'], false],
  ['ACME.my.Salesforce.com.:443', ['salesforce.com'], false],
  ['notsalesforce.com:443', ['salesforce.com'], true],
  ['salesforce.com.example:443', ['salesforce.com'], true],
  ['api.pubsub.salesforce.com:7443', ['salesforce.com:443'], true],
  ['api.pubsub.salesforce.com:7443', ['salesforce.com:7443'], false],
  ['10.1.2.3:443', ['10.0.0.0/8'], false],
  ['10.1.2.3:443', ['10.1.2.3'], false],
  ['11.1.2.3:443', ['10.0.0.0/8'], true],
  ['10.1.2.3:443', ['10.0.0.0/99', 'fd00::/8', 'x/8'], true],
  ['[fd00::1]:443', ['fd00::/8'], false],
  ['[fd00::1]:443', ['[fd00::1]:443'], false],
  ['[fd00::1]:443', ['[fd00::1]:444'], true],
  ['localhost:443', [], false],
  ['127.8.9.10:443', [], false],
  ['[::1]:443', [], false],
])('whether %s is reached through the proxy, with the exceptions %o: %s', (address, noProxy, isProxied) => {
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? [];
  expect(chooseProxy({ proxy, noProxy }, host, Number(port))).toBe(isProxied ? proxy : undefined);
});

it.each([
  ['https://acme.my.salesforce.com', true],
  ['http://acme.my.salesforce.com', false],
  ['http://127.0.0.1:8080', true],
  ['http://localhost:8080', true],
  ['http://[::1]:8080', true],
  ['http://127.0.0.1.example.com', false],
  ['http://localhost.example.com', false],
  ['ftp://127.0.0.1', false],
])('whether secrets may be sent to %s: %s', (url, may) => {
  expect(isConfidential(url)).toBe(may);
});
