import { Agent, request } from 'node:http';

/** Clients that ask without a pause over connections that they keep. */
export type SteadyLoad = {
  readonly answers: number;
  /** Requests that were not answered as they should be, a line each. */
  readonly failures: readonly string[];
  stop(): Promise<void>;
};

type Ask = { readonly method?: string; readonly path: string };

/** No request is repeated: one that fails has failed. */
export function startSteadyLoad(
  url: string,
  secret: string,
  asks: readonly Ask[],
  clients: number,
): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const failures: string[] = [];
  let answers = 0;
  let stopped = false;
  const askOn = async (first: number): Promise<void> => {
    for (let turn = first; !stopped; turn++) {
      const ask = asks[turn % asks.length];
      if (ask === undefined) return;
      await askOnce(agent, `${url}${ask.path}`, ask.method ?? 'GET', secret).then(
        (status) => {
          if (status < 300) answers++;
          else failures.push(`${ask.path}: ${status}`);
        },
        (error: Error) => failures.push(`${ask.path}: ${error.message}`),
      );
    }
  };
  const running = Array.from({ length: clients }, (_, client) => askOn(client));
  return {
    get answers() {
      return answers;
    },
    failures,
    async stop() {
      stopped = true;
      await Promise.all(running);
      agent.destroy();
    },
  };
}

function askOnce(agent: Agent, url: string, method: string, secret: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${secret}` };
    const asking = request(url, { agent, method, headers, timeout: 30_000 }, (answer) => {
      answer.on('error', reject);
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    asking.on('timeout', () => asking.destroy(new Error('no answer')));
    asking.on('error', reject);
    asking.end();
  });
}
