import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import path from 'node:path';
import { eventually } from './eventually.ts';
import { fastFolder } from './fast-folder.ts';

/** A proxy server that tunnels by CONNECT; host names exist only for it. */
export type ForwardProxy = AsyncDisposable & {
  readonly port: number;
  /** Each `host:port` that it was asked for, in order. */
  readonly targets: readonly string[];
};

/** @param routes the local port of each `host:port` */
export async function openConnectProxy(
  routes: Readonly<Record<string, number>>,
  credentials?: string,
): Promise<ForwardProxy> {
  const targets: string[] = [];
  const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', ({ url = '', headers }, client, head) => {
    targets.push(url);
    const port = routes[url];
    const isAllowed = expected === undefined || headers['proxy-authorization'] === expected;
    if (port === undefined || !isAllowed) {
      client.end(`HTTP/1.1 ${isAllowed ? '502 Bad Gateway' : '407 Proxy Authentication Required'}\r\n\r\n`);
      return;
    }
    const far = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      far.write(head);
      far.pipe(client).pipe(far);
    });
    far.on('error', () => client.destroy());
    client.on('error', () => far.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    targets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether Debian's tinyproxy is installed. */
export function hasTinyproxy(): boolean {
  try {
    execFileSync('tinyproxy', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Starts tinyproxy, which requires a password and forwards everything to another proxy.
 * @param upstream resolves the host names
 */
export async function startTinyproxy(
  upstream: ForwardProxy,
  user: string,
  password: string,
): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(path.join(fastFolder(), 'tidemark-tinyproxy-'));
  const port = await freePort();
  const config = path.join(folder, 'tinyproxy.conf');
  writeFileSync(
    config,
    `Port ${port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 100\nBasicAuth ${user} ${password}\n` +
      `Upstream http 127.0.0.1:${upstream.port}\n`,
  );
  const child: ChildProcess = spawn('tinyproxy', ['-d', '-c', config], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await eventually('tinyproxy listens', () => isListening(port));
  return {
    url: `http://${user}:${password}@127.0.0.1:${port}`,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
