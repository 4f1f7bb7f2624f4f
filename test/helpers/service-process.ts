import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { serviceFile } from './bundled-service.ts';
import { eventually } from './eventually.ts';
import { keepLog } from './secrets-in-logs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

export type ServiceProcess = {
  readonly child: ChildProcess;
  /** What it has printed so far, on both channels. */
  output(): string;
  /** Interrupts the service and, after `npmStart`, npm, as Ctrl-C in a terminal does. */
  pressCtrlC(): void;
  /** Resolves with the exit code, or the signal that ended it. */
  ended(): Promise<number | string>;
};

type Settings = Readonly<Record<string, string>>;

/** The service as a process of its own, with these settings and nothing else of Tidemark's. */
export const startService = (settings: Settings): ServiceProcess =>
  start(process.execPath, [serviceFile()], settings, false);

/** `npm start`, likewise, in a process group of its own. */
export const npmStart = (settings: Settings): ServiceProcess => start('npm', ['start'], settings, true);

function start(command: string, args: string[], settings: Settings, detached: boolean): ServiceProcess {
  const child = spawn(command, args, {
    cwd: root,
    detached,
    // The modules are compiled once, not in each process.
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'],
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const interrupt = (): void => {
    const hasEnded = child.exitCode !== null || child.signalCode !== null;
    if (child.pid !== undefined && !hasEnded) process.kill(detached ? -child.pid : child.pid, 'SIGINT');
  };
  if (detached) process.once('exit', interrupt);
  let output = '';
  for (const channel of [child.stdout, child.stderr]) {
    channel.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const end = new Promise<number | string>((resolve) => {
    child.on('close', (code, signal) => {
      keepLog(output);
      process.off('exit', interrupt);
      resolve(code ?? signal ?? 'unknown');
    });
  });
  return {
    child,
    output: () => output,
    pressCtrlC: interrupt,
    ended: () => end,
  };
}

/** Waits for the banner and returns the two curl lines in it. */
export async function curlLines(service: ServiceProcess): Promise<{ create: string; read: string }> {
  const lines = await eventually(
    'the welcome is printed',
    () => {
      const found = service.output().match(/^curl .*$/gm) ?? [];
      return found.length === 2 && found;
    },
    150_000,
  );
  const [create = '', read = ''] = lines;
  return { create, read };
}

/** Runs a printed line in a shell and returns its JSON. */
export async function runPrinted<T>(line: string): Promise<T> {
  const { stdout } = await run('/bin/sh', ['-c', line]);
  return JSON.parse(stdout) as T;
}

/** The command lines of living processes that name this folder. */
export async function processesNaming(folder: string): Promise<string[]> {
  const { stdout } = await run('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(folder));
}
