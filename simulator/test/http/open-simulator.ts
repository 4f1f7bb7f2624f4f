import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator.ts';
import type { SimulatorOptions } from '../../src/simulator-options.ts';

/** One simulator for a test file, with a REST client signed in to it. */
export const useSimulator = (options: SimulatorOptions = {}): SimulatorHandle => {
  let simulator: Simulator | undefined;
  let token = '';
  beforeAll(async () => {
    simulator = await startSimulator(options);
    trust(simulator);
    token = simulator.sessions.issue();
  });
  afterAll(() => simulator?.close());

  const running = () => {
    if (!simulator) throw new Error('the simulator is not running yet');
    return simulator;
  };
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const response = await fetch(`${running().instanceUrl}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: readJson(text) };
  };
  return {
    get simulator() {
      return running();
    },
    send,
    rest: (method, path, body, headers) =>
      send(method, `/services/data/v66.0${path}`, body, { authorization: `Bearer ${token}`, ...headers }),
    renewToken: () => {
      token = running().sessions.issue();
    },
  };
};

/** A text of an answer's JSON object: `textAt(answer, 'id')`. */
export const textAt = ({ body }: Answer, name: string): string => {
  const value: unknown = Object(body)[name];
  if (typeof value !== 'string') throw new Error(`no text ${name} in ${JSON.stringify(body)}`);
  return value;
};

/** Lets `fetch` and jsforce in this process trust the certificate of a simulator with TLS. */
export const trust = ({ certificate }: Simulator): void => {
  if (certificate !== undefined) setDefaultCACertificates([...getCACertificates('default'), certificate]);
};

/** An answer that is no JSON stays text. */
const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<Answer>;

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

export type SimulatorHandle = {
  readonly simulator: Simulator;
  /** Any path, without a token. */
  readonly send: Send;
  /** A path under `/services/data/v66.0`, as the integration user. */
  readonly rest: Send;
  renewToken(): void;
};
