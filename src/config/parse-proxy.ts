import type { ProxySettings } from '../egress/proxy-rule.ts';
import { ConfigError } from './config-error.ts';

// As curl does: the first one that is set counts. HTTP_PROXY is for addresses without TLS, which are never used.
const proxyNames = ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'];
const noProxyNames = ['no_proxy', 'NO_PROXY'];

/**
 * Parses the forward proxy and its exceptions; without a scheme, the proxy is an HTTP one.
 * @throws ConfigError, without the value, which may contain a password
 */
export function parseProxy(environment: NodeJS.ProcessEnv): ProxySettings {
  const firstSet = (names: readonly string[]) => names.find((name) => environment[name]);
  const name = firstSet(proxyNames);
  if (name === undefined) return {};
  const text = environment[name] ?? '';
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const expected = `${name}: its value is not the URL of an HTTP proxy, such as http://user:password@proxy.example.com:3128`;
  if (!URL.canParse(url)) throw new ConfigError([expected]);
  const proxy = new URL(url);
  if (proxy.protocol !== 'http:') {
    throw new ConfigError([`${expected}; the scheme ${proxy.protocol}// is not supported`]);
  }
  if (!canDecode(proxy.username) || !canDecode(proxy.password)) throw new ConfigError([expected]);
  const noProxy = (environment[firstSet(noProxyNames) ?? ''] ?? '').split(/[\s,]+/).filter(Boolean);
  return { proxy, proxySetting: name, noProxy: noProxy.map((entry) => entry.toLowerCase()) };
}

function canDecode(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
