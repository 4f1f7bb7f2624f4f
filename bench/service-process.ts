import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';

/** Where an org is, and how to sign in there. */
export type ServiceOrg = {
  readonly instanceUrl: string;
  readonly pubsubEndpoint: string;
  readonly credentials: { readonly clientId: string; readonly clientSecret: string };
};

export type BenchService = {
  readonly pid: number;
  /** The highest resident memory of the process since its start, in MiB, as the kernel counts it. */
  peakMemory(): Promise<number>;
  stop(): Promise<void>;
};

export type BenchServiceOptions = {
  readonly apiKeys: string;
  readonly port: string;
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
};

/** The service as a process of its own, with the flags and variables of `npm start`, against a simulator. */
export async function startBenchService(
  databaseUrl: string,
  org: ServiceOrg,
  { apiKeys, port, env }: BenchServiceOptions,
): Promise<BenchService> {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: { start: string } };
  const words = scripts.start.split(' ');
  const command = words.indexOf('node');
  const service = spawn(process.execPath, words.slice(command + 1), {
    env: {
      ...Object.fromEntries(words.slice(0, command).map((word) => word.split('='))),
      PATH: process.env['PATH'] ?? '',
      PORT: port,
      DATABASE_URL: databaseUrl,
      SALESFORCE_LOGIN_URL: org.instanceUrl,
      SALESFORCE_CLIENT_ID: org.credentials.clientId,
      SALESFORCE_CLIENT_SECRET: org.credentials.clientSecret,
      PUBSUB_ENDPOINT: org.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: apiKeys,
      RATE_LIMIT_PER_MINUTE: '0',
      LOG_LEVEL: 'error',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // A benchmark that is broken off takes its service with it.
  const end = (): void => void service.kill('SIGKILL');
  process.once('exit', end);
  return {
    pid: service.pid ?? 0,
    async peakMemory() {
      const status = await readFile(`/proc/${service.pid}/status`, 'utf8');
      return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
    },
    async stop() {
      process.off('exit', end);
      if (service.exitCode !== null) return;
      service.kill('SIGTERM');
      await new Promise((resolve) => service.once('close', resolve));
    },
  };
}
