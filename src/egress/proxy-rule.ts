import { BlockList, isIP } from 'node:net';

/** The forward proxy of outgoing connections. */
export type ProxySettings = {
  /** `http://user:password@host:port`; undefined to connect directly. */
  readonly proxy?: URL | undefined;
  /** Name of the environment variable that holds it. */
  readonly proxySetting?: string | undefined;
  /** Hosts, domains, addresses and networks that are reached directly, each with an optional port; `*` for all. */
  readonly noProxy?: readonly string[];
};

/**
 * The proxy for a connection to a host; undefined to connect directly. Connections to this machine are always direct.
 * An entry `example.com` or `.example.com` of `noProxy` covers the host and its subdomains.
 */
export function chooseProxy(
  { proxy, noProxy = [] }: ProxySettings,
  hostname: string,
  port: number,
): URL | undefined {
  const host = bareHost(hostname);
  return isLoopback(host) || noProxy.some((entry) => covers(entry, host, port)) ? undefined : proxy;
}

function covers(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  const [, name = entry, entryPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (entryPort !== undefined && Number(entryPort) !== port) return false;
  const domain = bareHost(name).replace(/^\*?\./, '');
  if (isIP(host) !== 0) return domain === host || isInNetwork(domain, host);
  return host === domain || host.endsWith(`.${domain}`);
}

function isInNetwork(network: string, address: string): boolean {
  const [base = '', bits] = network.split('/');
  const family = isIP(base) === 6 ? 'ipv6' : 'ipv4';
  const maxBits = family === 'ipv6' ? 128 : 32;
  if (isIP(base) === 0 || !/^\d{1,3}$/.test(bits ?? '') || Number(bits) > maxBits) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(bits), family);
  return isIP(address) === isIP(base) && list.check(address, family);
}

/** Whether a host name or address is this machine. */
export function isLoopback(hostname: string): boolean {
  const host = bareHost(hostname);
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127(\.\d+){3}$/.test(host)
  );
}

/** Whether secrets may be sent to a URL: it uses TLS, or does not leave this machine. */
export function isConfidential(url: string | URL): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

/** Lower case, without the brackets of an IPv6 address and the dot of a fully qualified name. */
function bareHost(hostname: string): string {
  return hostname
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
