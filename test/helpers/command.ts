import { spawn } from 'node:child_process';
import { PassThrough, type Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Streams } from '../../src/cli/output.ts';
import { runCommand } from '../../src/cli/run-command.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type RunningCommand = {
  stdout(): string;
  stderr(): string;
  ended: Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>;
};

/** `tidemark …` in this process, with these settings and nothing else of Tidemark's. */
export function tidemarkCommand(
  settings: Readonly<Record<string, string>>,
  ...words: readonly string[]
): RunningCommand {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const said = collect(stdout, stderr);
  const exit = runCommand(words, settings, standardStreams(stdout, stderr));
  return {
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended: exit.then((exitCode) => ({ exitCode, ...said })),
  };
}

/** Streams that are no terminal, unless they have the properties of one. */
export function standardStreams(stdout: PassThrough, stderr = stdout): Streams {
  return {
    stdout: stdout as unknown as NodeJS.WriteStream,
    stderr: stderr as unknown as NodeJS.WriteStream,
  };
}

/** `tidemark …` as a process of its own: for its exit, its streams and its signals. */
export function tidemarkProcess(
  settings: Readonly<Record<string, string>>,
  ...words: readonly string[]
): RunningCommand & {
  /** As Ctrl-C does. */
  interrupt(): void;
} {
  const child = spawn(process.execPath, ['src/cli.ts', ...words], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = collect(child.stdout, child.stderr);
  return {
    interrupt: () => void child.kill('SIGINT'),
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended: new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, ...said }))),
  };
}

function collect(stdout: Readable, stderr: Readable): { stdout: string; stderr: string } {
  const said = { stdout: '', stderr: '' };
  for (const [channel, stream] of Object.entries({ stdout, stderr }) as ['stdout' | 'stderr', Readable][]) {
    stream.on('data', (chunk: Buffer) => {
      said[channel] += chunk.toString();
    });
  }
  return said;
}
