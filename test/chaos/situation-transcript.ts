import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Operated } from './operated-service.ts';

// An account has many fields, and the status as JSON has many parts.
const maxBodyLength = 600;
const maxLines = 40;

/** What an operator sees in one situation, as Markdown. */
export type Transcript = {
  /** What is done to the service or to Salesforce. */
  did(text: string): void;
  /** Readiness, `tidemark status` and what was logged since the last time. */
  show(service: Operated): Promise<void>;
  /** A command of `tidemark` with its output and exit code. */
  command(service: Operated, ...words: string[]): Promise<void>;
  /** A request with its status and body. */
  request(service: Operated, method: string, path: string, body?: object): Promise<void>;
  /** What a process printed that has ended, and its exit code. */
  printed(service: Operated): Promise<void>;
  text(): string;
};

export function createTranscript(title: string): Transcript {
  const parts = [`## ${title}`];
  const block = (text: string): void => void parts.push(`\`\`\`text\n${text.trimEnd()}\n\`\`\``);
  const transcript: Transcript = {
    did: (text) => void parts.push(text),
    async show(service) {
      await transcript.request(service, 'GET', '/health/ready');
      await transcript.command(service, 'status');
      const lines = logLines(service.newOutput());
      if (lines.length > 0) block(`Logged:\n${lines.join('\n')}`);
    },
    async command(service, ...words) {
      const { output, exitCode } = await runCommand(service, words);
      const lines = output.trimEnd().split('\n');
      const shown = [...lines.slice(0, maxLines), ...(lines.length > maxLines ? ['…'] : [])].join('\n');
      block(`$ node src/cli.ts ${words.join(' ')}\n${shown}\nExit code ${exitCode}`);
    },
    async request(service, method, path, body) {
      const { status, text } = await service.request(method, path, body);
      const sent = body === undefined ? '' : ` ${JSON.stringify(body)}`;
      const shown = text.length > maxBodyLength ? `${text.slice(0, maxBodyLength)}…` : text;
      block(`${method} ${path}${sent}\n${status} ${shown}`);
    },
    async printed(service) {
      const end = await service.ended();
      const lines = service.newOutput().split('\n');
      block(`$ npm start\n${lines.map(asLogLine).filter(Boolean).join('\n')}\nExit code ${end}`);
    },
    text: () => parts.join('\n\n'),
  };
  return transcript;
}

function runCommand(service: Operated, words: readonly string[]) {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const env = { PATH: process.env['PATH'] ?? '', TIDEMARK_URL: service.url, TIDEMARK_API_KEY: service.key };
  return new Promise<{ output: string; exitCode: number }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['src/cli.ts', ...words],
      { cwd: root, env },
      (_error, stdout, stderr) => {
        resolve({ output: `${withoutProgress(stderr)}${stdout}`, exitCode: child.exitCode ?? 1 });
      },
    );
  });
}

/** Progress is rewritten in place: the last state of each line counts. */
function withoutProgress(text: string): string {
  return text.replace(/[^\n]*\r(?=[^\n])/g, '');
}

/** What was logged at info or above, without requests. */
function logLines(output: string): string[] {
  return output.split('\n').map(asLogLine).filter(Boolean);
}

const levels: Readonly<Record<number, string>> = { 30: 'info', 40: 'warn', 50: 'error', 60: 'fatal' };
const routine = /^(request|Server listening|incoming)/;

function asLogLine(line: string): string {
  if (!line.startsWith('{')) return line;
  const { level, time, pid, hostname, msg, err, ...fields }: LogLine = JSON.parse(line);
  if (level < 30 || (level === 30 && routine.test(msg))) return '';
  const error = err === undefined ? {} : { error: `${err.message} (${err.code ?? err.type})` };
  const rest = JSON.stringify({ ...fields, ...error });
  return `${levels[level]}: ${msg}${rest === '{}' ? '' : ` ${rest}`}`;
}

type LogLine = {
  readonly level: number;
  readonly time: number;
  readonly pid: number;
  readonly hostname: string;
  readonly msg: string;
  readonly err?: { readonly message: string; readonly code?: string; readonly type?: string };
};
