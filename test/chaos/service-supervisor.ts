import { type ServiceProcess, startService } from '../helpers/service-process.ts';

/** The service as a process that is started again whenever it ends, as a supervisor would. */
export type SupervisedService = {
  readonly url: string;
  readonly pid: number | undefined;
  /** Unexpected ends of the process, with its last output. */
  readonly ownEnds: readonly OwnEnd[];
  readonly starts: number;
  /** SIGKILL, and a new process a moment later. False where none was running. */
  kill(): boolean;
  /** SIGTERM, and a new process a moment after the end. False where none was running. */
  restart(): boolean;
  /** Ends of processes that were stopped by a signal. */
  readonly askedEnds: readonly OwnEnd[];
  signal(signal: NodeJS.Signals): void;
  /** Whether `/health/ready` says so. */
  isReady(): Promise<boolean>;
  /** Everything that all its processes have printed. */
  output(): string;
  /** Stops it permanently with SIGTERM; resolves with the exit of its last process. */
  stop(): Promise<number | string>;
};

export type OwnEnd = {
  readonly end: number | string;
  readonly lastWords: string;
  /** Whether this process had reported that it is ready: then it must not end without a signal. */
  readonly wasReady: boolean;
};

// A supervisor's pause before it starts a process again.
const restartPauseMs = 200;

export function superviseService(
  port: number,
  settings: Readonly<Record<string, string>>,
): SupervisedService {
  const url = `http://127.0.0.1:${port}`;
  const ownEnds: OwnEnd[] = [];
  const outputs: (() => string)[] = [];
  let stopping = false;
  let killed = false;
  let asked = false;
  const askedEnds: OwnEnd[] = [];
  let wasReady = false;
  let starts = 0;
  let timer: NodeJS.Timeout | undefined;
  let service: ServiceProcess | undefined;
  const start = (): void => {
    starts++;
    killed = false;
    asked = false;
    wasReady = false;
    const current = startService({ ...settings, PORT: String(port) });
    service = current;
    outputs.push(current.output);
    current.ended().then((end) => {
      service = undefined;
      if (stopping) return;
      if (end !== 'SIGKILL')
        (asked ? askedEnds : ownEnds).push({ end, lastWords: lastWords(current.output()), wasReady });
      timer = setTimeout(start, restartPauseMs);
    });
  };
  start();
  return {
    url,
    ownEnds,
    get pid() {
      return service?.child.pid;
    },
    get starts() {
      return starts;
    },
    kill() {
      if (service === undefined || killed) return false;
      killed = true;
      return service.child.kill('SIGKILL');
    },
    restart() {
      if (service === undefined || killed || asked) return false;
      asked = true;
      return service.child.kill('SIGTERM');
    },
    askedEnds,
    signal: (signal) => void service?.child.kill(signal),
    async isReady() {
      const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(3_000) });
      await answer.body?.cancel();
      wasReady ||= answer.ok;
      return answer.ok;
    },
    output: () => outputs.map((output) => output()).join(''),
    async stop() {
      stopping = true;
      clearTimeout(timer);
      const last = service;
      if (last === undefined) return 'not running';
      last.child.kill('SIGCONT');
      last.child.kill('SIGTERM');
      return last.ended();
    },
  };
}

/** What isn't log, or the last line of the log where nothing else was said. */
function lastWords(output: string): string {
  const lines = output.trim().split('\n');
  const plain = lines.filter((line) => !line.startsWith('{')).slice(-20);
  return plain.length > 0 ? plain.join('\n') : (lines.at(-1) ?? '');
}
