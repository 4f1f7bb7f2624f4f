import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { eventually } from '../helpers/eventually.ts';
import type { CrashWorld } from './crash-world.ts';

/**
 * Kills the service at the n-th time that it hands bytes to the operating system after this call: to a socket, a pipe
 * or another thread. `act` gives it something to do.
 * @returns false where it had nothing to write any more: there are fewer such points
 */
export async function killAtWrite(
  { service }: CrashWorld,
  n: number,
  act: () => void,
  isDone: () => Promise<boolean>,
): Promise<boolean> {
  const { pid, starts } = service;
  if (pid === undefined) throw new Error('the service does not run');
  const tracer = await attachStrace(pid, ['-e', `inject=write,writev:signal=KILL:when=${n}`]);
  act();
  let done = false;
  await eventually('it is killed or has nothing left to write', async () => {
    if (service.starts > starts) return true;
    done = service.pid === pid && (await isDone().catch(() => false));
    return done;
  });
  await detach(tracer);
  await eventually('it is ready', service.isReady, 30_000);
  return !done;
}

/** Why system calls can't be traced here; undefined where they can. */
export async function tracingProblem(): Promise<string | undefined> {
  const sleeper = spawn('sleep', ['30'], { stdio: 'ignore' });
  try {
    await detach(await attachStrace(sleeper.pid ?? 0, []));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    sleeper.kill('SIGKILL');
  }
}

async function attachStrace(pid: number, options: readonly string[]): Promise<ChildProcess> {
  const tracer = spawn(
    'strace',
    ['-f', '-p', String(pid), '-e', 'trace=write,writev', '-o', '/dev/null', ...options],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  tracer.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  let failure: string | undefined;
  tracer.on('error', () => {
    failure = 'strace is not installed';
  });
  tracer.on('exit', () => {
    failure ??= `strace can't attach: ${said.trim()}`;
  });
  await eventually('strace is attached', () => {
    if (/attached/.test(said)) return true;
    return failure !== undefined;
  });
  if (failure !== undefined && !said.includes('attached')) throw new Error(failure);
  return tracer;
}

async function detach(tracer: ChildProcess): Promise<void> {
  if (tracer.exitCode !== null || tracer.signalCode !== null) return;
  const exit = once(tracer, 'exit');
  tracer.kill('SIGINT');
  await exit;
}
