import { getCACertificates } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, Client, credentials } from '@grpc/grpc-js';
import { Agent, type Dispatcher, fetch, ProxyAgent, type RequestInit, type Response } from 'undici';
import { chooseProxy, isConfidential, type ProxySettings } from './proxy-rule.ts';

export type { Response } from 'undici';

/** A failure before or during an exchange, with a code of Node.js, undici or {@link openEgress}. */
export class EgressError extends Error {
  readonly code: string;

  constructor(message: string, code: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export type EgressRequest = Pick<RequestInit, 'method' | 'headers' | 'body'> & {
  /** Ends the request, its connection and the body of its response. */
  readonly signal: AbortSignal;
};

export type TextResponse = {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** All outgoing HTTP and gRPC connections: one rule for proxies, TLS, redirects, size limits and aborts. */
export type Egress = {
  /**
   * Sends a request and resolves with the headers of the response. Redirects are not followed.
   * @throws EgressError, or the reason of the signal
   */
  open(url: string | URL, request: EgressRequest): Promise<Response>;
  /**
   * Sends a request and reads the response as text.
   * @param maxBytes limit of the decompressed body
   * @throws EgressError, or the reason of the signal
   */
  send(url: string | URL, request: EgressRequest, maxBytes?: number): Promise<TextResponse>;
  /** Creates a gRPC client, which connects with its first call. @param endpoint host and port */
  grpcClient(endpoint: string, tls: GrpcTls, options?: ChannelOptions): Client;
};

export type GrpcTls = {
  readonly tls: boolean;
  /** Certificate authorities to trust besides the default ones, PEM. */
  readonly certificateAuthority?: string | undefined;
};

/** Limit of a response that is read as a whole. */
export const maxBodyBytes = 64 * 1024 * 1024;
/** Salesforce keeps messages under about 3 MB; a message may have 4 MB. */
const maxMessageBytes = 8 * 1024 * 1024;
/** Milliseconds. Callers limit the whole exchange; these bound one that a caller streams. */
const limits = { headersTimeout: 150_000, bodyTimeout: 60_000, connect: { timeout: 10_000, allowH2: false } };

export function openEgress(settings: ProxySettings = {}): Egress {
  const direct = new Agent(limits);
  const { proxy, proxySetting = 'HTTPS_PROXY' } = settings;
  const tunnel =
    proxy === undefined ? direct : new ProxyAgent({ ...limits, uri: proxy.href, requestTls: limits.connect });
  const open = async (url: string | URL, request: EgressRequest): Promise<Response> => {
    const target = new URL(url);
    if (!isConfidential(target)) {
      throw new EgressError(`${target.origin} does not use TLS (https://)`, 'ERR_INSECURE_ADDRESS');
    }
    const isProxied = chooseProxy(settings, target.hostname, portOf(target)) !== undefined;
    const dispatcher: Dispatcher = isProxied ? tunnel : direct;
    try {
      return await fetch(target, { ...request, redirect: 'manual', dispatcher });
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      throw translate(error as Error, target.host, isProxied ? proxySetting : undefined);
    }
  };
  return {
    open,
    async send(url, request, maxBytes = maxBodyBytes) {
      const response = await open(url, request);
      const body = await readText(response, request.signal, maxBytes);
      return { status: response.status, headers: Object.fromEntries(response.headers), body };
    },
    grpcClient(endpoint, tls, options) {
      const { hostname, port } = new URL(`https://${endpoint}`);
      const used = chooseProxy(settings, hostname, Number(port || 443));
      return new Client(used === undefined ? endpoint : proxyTarget(used), channelCredentials(tls), {
        ...options,
        'grpc.max_receive_message_length': maxMessageBytes,
        // The variables that grpc-js reads, and its rules for them, are others.
        'grpc.enable_http_proxy': 0,
        ...(used !== undefined && tunnelOptions(used, endpoint)),
      });
    },
  };
}

/** Connections without a proxy. */
export const directEgress = openEgress();

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}

/** The default authorities include those of NODE_EXTRA_CA_CERTS. */
function channelCredentials({ tls, certificateAuthority }: GrpcTls): ChannelCredentials {
  if (!tls) return credentials.createInsecure();
  if (certificateAuthority === undefined) return credentials.createSsl();
  return credentials.createSsl(
    Buffer.from([...getCACertificates('default'), certificateAuthority].join('\n')),
  );
}

function proxyTarget({ hostname, port }: URL): string {
  return `dns:${hostname}:${port || 80}`;
}

function tunnelOptions({ username, password }: URL, endpoint: string): ChannelOptions {
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    'grpc.http_connect_target': `dns:${endpoint}`,
    'grpc.default_authority': endpoint,
    ...(username !== '' && { 'grpc.http_connect_creds': user }),
  };
}

/** @throws EgressError, or the reason of the signal */
export async function readText(
  { body, url }: Response,
  signal: AbortSignal,
  maxBytes: number,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    // Leaving the loop cancels the body, which closes the connection.
    for await (const chunk of body ?? []) {
      bytes += chunk.length;
      if (bytes > maxBytes) {
        const message = `the response of ${new URL(url).host} exceeds ${maxBytes} bytes`;
        throw new EgressError(message, 'ERR_RESPONSE_TOO_LARGE');
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw translate(error as Error, new URL(url).host);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** `fetch` puts the reason into the cause of its error, or into the cause of that. */
function translate(error: Error, host: string, proxySetting?: string): EgressError {
  if (error instanceof EgressError) return error;
  const reason = reasonOf(error);
  const refused = /Proxy response \((\d+)\)/.exec(reason.message)?.[1];
  if (refused !== undefined) {
    const message = `the proxy of ${proxySetting} refused the connection with status ${refused}`;
    return new EgressError(message, refused === '407' ? 'ERR_PROXY_AUTHENTICATION' : 'ERR_PROXY_REFUSED', {
      cause: error,
    });
  }
  const through = proxySetting === undefined ? '' : ` (through the proxy of ${proxySetting})`;
  const text = `request to ${host} failed: ${reason.message || reason.code}`;
  return new EgressError(`${text}${through}`, typeof reason.code === 'string' ? reason.code : error.name, {
    cause: error,
  });
}

/** The code of a DOMException is a number. */
function reasonOf(error: NodeJS.ErrnoException): NodeJS.ErrnoException {
  return typeof error.code !== 'string' && error.cause instanceof Error ? reasonOf(error.cause) : error;
}
