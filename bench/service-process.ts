import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { Sandbox } from '../src/sandbox/sandbox.ts';

export type BenchService = {
  /** The highest resident memory of the process since its start, in MiB, as the kernel counts it. */
  peakMemory(): Promise<number>;
  stop(): Promise<void>;
};

/** The service as a process of its own, with the flags of `npm start`, against a sandbox org. */
export async function startBenchService(
  databaseUrl: string,
  sandbox: Sandbox,
  { apiKeys, port }: { readonly apiKeys: string; readonly port: string },
): Promise<BenchService> {
  const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: { start: string } };
  const service = spawn(process.execPath, scripts.start.split(' ').slice(1), {
    env: {
      PATH: process.env['PATH'] ?? '',
      PORT: port,
      DATABASE_URL: databaseUrl,
      SALESFORCE_LOGIN_URL: sandbox.instanceUrl,
      SALESFORCE_CLIENT_ID: sandbox.credentials.clientId,
      SALESFORCE_CLIENT_SECRET: sandbox.credentials.clientSecret,
      PUBSUB_ENDPOINT: sandbox.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: apiKeys,
      RATE_LIMIT_PER_MINUTE: '0',
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  // A benchmark that is broken off takes its service with it.
  const end = (): void => void service.kill('SIGKILL');
  process.once('exit', end);
  return {
    async peakMemory() {
      const status = await readFile(`/proc/${service.pid}/status`, 'utf8');
      return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
    },
    async stop() {
      process.off('exit', end);
      service.kill('SIGTERM');
      await new Promise((resolve) => service.once('close', resolve));
    },
  };
}
