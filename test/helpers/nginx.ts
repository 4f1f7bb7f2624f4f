import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from './eventually.ts';

const program = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find((file) =>
  existsSync(file),
);
export const hasNginx = program !== undefined;
if (!hasNginx) process.stderr.write('skipped: nginx is not installed\n');

export type Nginx = AsyncDisposable & {
  /** The service under a prefix, over HTTP/1.1. */
  readonly url: string;
  /** The same over HTTP/1.0, which was nginx's default until 1.29.7. */
  readonly http10Url: string;
};

/** Starts nginx as a process of the test, with its own configuration and port, in front of a service. */
export async function startNginx(upstream: string): Promise<Nginx> {
  const folder = await mkdtemp(path.join(tmpdir(), 'nginx-'));
  const port = await freePort();
  const file = path.join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, port, upstream));
  const child = spawn(program ?? 'nginx', ['-p', folder, '-c', file, '-e', path.join(folder, 'error.log')], {
    stdio: 'inherit',
  });
  const origin = `http://127.0.0.1:${port}`;
  await eventually('nginx answers', () =>
    fetch(`${origin}/started`).then(
      ({ status }) => status === 204,
      () => false,
    ),
  );
  return {
    url: `${origin}/tidemark`,
    http10Url: `${origin}/http10`,
    async [Symbol.asyncDispose]() {
      await ended(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

// The location of docs/operations.md, and one without its settings.
const configuration = (folder: string, port: number, upstream: string): string => `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port};
    location = /started { return 204; }
    location /tidemark/ {
      proxy_pass ${upstream}/;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_buffering off;
    }
    location /http10/ {
      proxy_pass ${upstream}/;
      proxy_http_version 1.0;
    }
  }
}
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Ends with SIGTERM, on which nginx closes its connections at once. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const end = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await end;
}
