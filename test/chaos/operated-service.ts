import { setTimeout as pause } from 'node:timers/promises';
import type { HealthState } from '../../src/health/verdict.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ServiceProcess } from '../helpers/service-process.ts';

/** A service process as an operator reaches it. */
export type Operated = {
  readonly url: string;
  readonly key: string;
  /** What it has printed since the last call. */
  newOutput(): string;
  request(method: string, path: string, body?: object): Promise<{ status: number; text: string }>;
  hasPrinted(text: string): boolean;
  isListeningOrEnded(): boolean;
  status(): Promise<ServiceStatus>;
  /** Polls until the verdict is this one, with a reason that has these words or this code. */
  until(health: HealthState | 'any', reason?: string): Promise<void>;
  ended(): Promise<number | string>;
  stop(): Promise<void>;
};

export type ServiceStatus = {
  readonly health: string;
  readonly reasons: readonly { readonly code: string }[];
  readonly subscription: { readonly position: string | null };
  readonly resyncs: readonly unknown[];
};

export const operatorKey = 'tdm_key_of_the_operator';

const pollMs = 250;
// Situations wait in parallel for events that take a minute.
const patienceMs = 150_000;

export function operate(port: number, { child, output, ended }: ServiceProcess): Operated {
  let seen = 0;
  let hasEnded = false;
  ended().then(() => {
    hasEnded = true;
  });
  const service: Operated = {
    key: operatorKey,
    url: `http://127.0.0.1:${port}`,
    newOutput() {
      const text = output().slice(seen);
      seen = output().length;
      return text;
    },
    async request(method, resource, body) {
      const isProbe = resource.startsWith('/health/');
      const answer = await fetch(`${service.url}${resource}`, {
        method,
        headers: {
          ...(isProbe ? {} : { authorization: `Bearer ${operatorKey}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: answer.status, text: await answer.text() };
    },
    async status() {
      const { text } = await service.request('GET', '/v1/status');
      return JSON.parse(text) as ServiceStatus;
    },
    hasPrinted: (text) => output().includes(text),
    isListeningOrEnded: () => output().includes('Server listening') || hasEnded,
    async until(health, reason = '') {
      const holds = async (): Promise<boolean> => {
        await pause(pollMs);
        const now = await service.status();
        return (health === 'any' || now.health === health) && JSON.stringify(now.reasons).includes(reason);
      };
      await eventually(`the verdict is ${health} ${reason}`, holds, patienceMs);
    },
    ended,
    async stop() {
      child.kill('SIGINT');
      await ended();
    },
  };
  return service;
}
