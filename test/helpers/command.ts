import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export type RunningCommand = {
  /** As Ctrl-C does. */
  interrupt(): void;
  stdout(): string;
  stderr(): string;
  ended: Promise<{ readonly exitCode: number | null; readonly stdout: string; readonly stderr: string }>;
};

/** `tidemark …` as a process of its own, with these settings and nothing else of Tidemark's. */
export function tidemarkCommand(
  settings: Readonly<Record<string, string>>,
  ...words: readonly string[]
): RunningCommand {
  const child = spawn(process.execPath, ['src/cli.ts', ...words], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].on('data', (chunk: Buffer) => {
      said[channel] += chunk.toString();
    });
  }
  return {
    interrupt: () => void child.kill('SIGINT'),
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended: new Promise((resolve) => child.on('close', (exitCode) => resolve({ exitCode, ...said }))),
  };
}
