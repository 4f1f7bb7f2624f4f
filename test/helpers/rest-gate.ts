import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What becomes of a request instead of going through. */
export type Treatment =
  | { readonly kind: 'answer'; readonly status: number; readonly body: string; readonly type?: string }
  /** It waits until it is released, and then goes through. */
  | { readonly kind: 'hold' }
  /** It goes through, and its answer waits until it is released. */
  | { readonly kind: 'hold answer' }
  /** It never gets an answer and never arrives. */
  | { readonly kind: 'swallow' }
  /** The connection breaks before it arrives. */
  | { readonly kind: 'cut' }
  /** It arrives and is carried out, but the connection breaks before the answer. */
  | { readonly kind: 'cut after' };

export type Rule = {
  readonly method?: string;
  /** What the path with its query has to match. */
  readonly path: RegExp;
  /** The number of requests that it matches; all by default. */
  readonly times?: number;
  readonly treatment: Treatment;
};

export type StandingRule = {
  /** How many requests it has met. */
  readonly met: number;
  /** Lets through what it holds, and meets nothing any more. */
  release(): void;
};

/** A door in front of Salesforce's REST API. What no rule meets goes through unchanged. */
export type RestGate = AsyncDisposable & {
  readonly url: string;
  forwardTo(url: string): void;
  /** The newest matching rule counts. */
  meet(rule: Rule): StandingRule;
};

export async function openRestGate(): Promise<RestGate> {
  let target = '';
  const rules: Standing[] = [];
  const server = createServer((request, response) => {
    serve(rules, () => target, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forwardTo(url) {
      target = url;
    },
    meet(rule) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const standing: Standing = {
        ...rule,
        left: rule.times ?? Number.POSITIVE_INFINITY,
        met: 0,
        released: promise,
      };
      rules.unshift(standing);
      return {
        get met() {
          return standing.met;
        },
        release() {
          standing.left = 0;
          resolve();
        },
      };
    },
    [Symbol.asyncDispose]: () => close(server),
  };
}

async function serve(
  rules: readonly Standing[],
  target: () => string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const rule = rules.find(
    ({ left, method, path }) =>
      left > 0 && (method ?? request.method) === request.method && path.test(request.url ?? ''),
  );
  const treatment = rule?.treatment;
  if (rule !== undefined) {
    rule.left--;
    if (treatment?.kind !== 'hold answer') rule.met++;
  }
  if (treatment?.kind === 'answer') {
    response.writeHead(treatment.status, { 'content-type': treatment.type ?? 'application/json' });
    response.end(treatment.body);
    return;
  }
  if (treatment?.kind === 'swallow') return;
  if (treatment?.kind === 'cut') {
    response.destroy();
    return;
  }
  if (treatment?.kind === 'hold') await rule?.released;
  const answer = await forward(`${target()}${request.url}`, request, body);
  const content = Buffer.from(await answer.arrayBuffer());
  if (rule !== undefined && treatment?.kind === 'hold answer') {
    rule.met++;
    await rule.released;
  }
  if (treatment?.kind === 'cut after') {
    response.destroy();
    return;
  }
  response.writeHead(answer.status, headersOf([...answer.headers]));
  response.end(content);
}

function forward(url: string, { method = 'GET', headers }: IncomingMessage, body: Buffer): Promise<Response> {
  const given = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
  const content = body.length === 0 ? {} : { body };
  return fetch(url, { method, headers: headersOf(given), ...content });
}

/** Without what concerns one connection alone. */
function headersOf(headers: readonly (readonly [string, string])[]): Record<string, string> {
  const own = ['connection', 'content-encoding', 'content-length', 'host', 'keep-alive', 'transfer-encoding'];
  return Object.fromEntries(headers.filter(([name]) => !own.includes(name)));
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

type Standing = Rule & { left: number; met: number; readonly released: Promise<void> };
