import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../helpers/eventually.ts';
import type { SupervisedService } from './service-supervisor.ts';

/**
 * Kills the service at the n-th time that it hands bytes to the operating system after this call: to a socket, a pipe
 * or another thread. `act` gives it something to do. Resolves when its successor is ready.
 */
export async function killAtWrite(service: SupervisedService, n: number, act: () => void): Promise<void> {
  const { starts } = service;
  const tracer = await attachStrace(runningPid(service), ['-e', `inject=write,writev:signal=KILL:when=${n}`]);
  act();
  await eventually(`write ${n} took place`, () => service.starts > starts, 30_000);
  await detach(tracer.process);
  await eventually('the next process is ready', service.isReady, 30_000);
}

/** How often the service hands bytes to the operating system until `act` has taken all its effect. */
export async function countWrites(
  service: SupervisedService,
  act: () => void,
  untilDone: () => Promise<unknown>,
): Promise<number> {
  const pid = runningPid(service);
  const tracer = await attachStrace(pid, []);
  act();
  await untilDone();
  await detach(tracer.process);
  // Each thread has its own count; the main one does the talking. Without a prefix there is only that one.
  const lines = tracer.said().matchAll(/^(?:\[pid\s+(\d+)\]\s*)?writev?\(/gm);
  return [...lines].filter(([, thread]) => thread === undefined || Number(thread) === pid).length;
}

/** Why system calls can't be traced here; undefined where they can. */
export async function tracingProblem(): Promise<string | undefined> {
  const sleeper = spawn('sleep', ['30'], { stdio: 'ignore' });
  try {
    await detach((await attachStrace(sleeper.pid ?? 0, [])).process);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    sleeper.kill('SIGKILL');
  }
}

type Tracer = { readonly process: ChildProcess; said(): string };

async function attachStrace(pid: number, options: readonly string[]): Promise<Tracer> {
  const args = ['-f', '-s', '0', '-p', String(pid), '-e', 'trace=write,writev', ...options];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  let failure: string | undefined;
  tracer.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  tracer.on('error', () => {
    failure = 'strace is not installed';
  });
  tracer.on('exit', () => {
    failure ??= `strace can't attach: ${said.trim()}`;
  });
  await eventually('strace is attached', () => said.includes('attached') || failure !== undefined);
  if (!said.includes('attached')) throw new Error(failure);
  return { process: tracer, said: () => said };
}

async function detach(tracer: ChildProcess): Promise<void> {
  if (tracer.exitCode !== null || tracer.signalCode !== null) return;
  const exit = once(tracer, 'exit');
  tracer.kill('SIGINT');
  await exit;
}

function runningPid({ pid }: SupervisedService): number {
  if (pid === undefined) throw new Error('the service does not run');
  return pid;
}
