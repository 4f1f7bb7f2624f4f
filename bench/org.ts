import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type OrgCommand =
  | { readonly do: 'start'; readonly accounts: number }
  | { readonly do: 'produce'; readonly events: number; readonly createShare: number }
  | { readonly do: 'change'; readonly id: string }
  | { readonly do: 'create' }
  | { readonly do: 'accounts' }
  | { readonly do: 'close' };

export type OrgAnswer = {
  readonly error?: string;
  readonly org?: OrgAddress;
  readonly ids?: readonly string[];
  readonly value?: string;
  readonly at?: string;
  readonly ms?: number;
};

export type OrgAddress = {
  readonly instanceUrl: string;
  readonly pubsubEndpoint: string;
  /** PEM of the Pub/Sub API. */
  readonly certificate: string;
  readonly clientId: string;
  readonly clientSecret: string;
};

export type BenchOrg = OrgAddress & {
  readonly pid: number;
  /** Publishes this many changes; `createShare` of them are new accounts. */
  produce(events: number, createShare?: number): Promise<void>;
  /** Changes an account's `Site`, and returns the value and the time of the commit in nanoseconds. */
  change(id: string): Promise<{ readonly id: string; readonly value: string; readonly at: bigint }>;
  /** Creates an account and returns after how many milliseconds it had its code. */
  create(): Promise<number>;
  accountIds(): Promise<readonly string[]>;
  close(): Promise<void>;
};

/** A simulator in a process of its own. */
export async function startOrg(accounts: number): Promise<BenchOrg> {
  const child = fork(fileURLToPath(new URL('org-process.ts', import.meta.url)));
  const tell = conversation(child);
  const { org } = await tell({ do: 'start', accounts });
  if (org === undefined || child.pid === undefined) throw new Error('the org did not start');
  return {
    ...org,
    pid: child.pid,
    async produce(events, createShare = 0.3) {
      await tell({ do: 'produce', events, createShare });
    },
    async change(id) {
      const { value = '', at = '0' } = await tell({ do: 'change', id });
      return { id, value, at: BigInt(at) };
    },
    create: async () => (await tell({ do: 'create' })).ms ?? Number.NaN,
    accountIds: async () => (await tell({ do: 'accounts' })).ids ?? [],
    async close() {
      await tell({ do: 'close' });
      child.disconnect();
      if (child.exitCode === null) await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}

function conversation(child: ChildProcess): (command: OrgCommand) => Promise<OrgAnswer> {
  const waiting = new Map<number, (answer: OrgAnswer) => void>();
  let number = 0;
  child.on('message', (answer: OrgAnswer & { readonly number: number }) => {
    waiting.get(answer.number)?.(answer);
    waiting.delete(answer.number);
  });
  child.on('exit', () => {
    for (const settle of waiting.values()) settle({ error: 'the org process ended' });
  });
  return async (command) => {
    number++;
    const answer = await new Promise<OrgAnswer>((resolve) => {
      waiting.set(number, resolve);
      child.send({ number, ...command });
    });
    if (answer.error !== undefined) throw new Error(answer.error);
    return answer;
  };
}
