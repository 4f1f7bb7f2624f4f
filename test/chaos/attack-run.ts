import { spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startSimulator } from 'salesforce-simulator';
import { eventually } from '../helpers/eventually.ts';
import { inOrg } from '../helpers/simulator-org.ts';
import { pathSecret, webhookSecret } from '../helpers/webhooks.ts';
import { type AttackName, attacks } from './attacks.ts';
import { limitMemory } from './memory-limit.ts';

const organizationId = '00Dal00000AbCdEEAV';
const key = 'test-only-key-of-an-operator-0123456789';
const root = fileURLToPath(new URL('../../', import.meta.url));
const flags = ['--max-semi-space-size=8', '--heap-growing-percent=30'];

export type AttackReport = {
  readonly attack: AttackName;
  readonly limit: string;
  readonly peakMiB: number;
  /** Responses of the attacked routes by status; 0 is a connection that ended without one. */
  readonly answers: Readonly<Record<string, number>>;
  /** Of the probe for readiness. */
  readonly probes: number;
  readonly unready: number;
  /** Changes made in the org during the attack that the API showed during the attack. */
  readonly changesShown: number;
  readonly different: number | null;
  readonly accountsInOrg: number;
  readonly accountsListed: number;
  /** Undefined while the process that was started first is still the one that runs. */
  readonly ended: string | undefined;
};

export type AttackOptions = {
  readonly attack: AttackName;
  readonly seconds: number;
  /** Of an empty database. */
  readonly databaseUrl: string;
  readonly maxMiB?: number;
};

/** Runs the service under a limit of memory, attacks it while changes stream in, and compares it with the org afterwards. */
export async function attackRun({
  attack,
  seconds,
  databaseUrl,
  maxMiB = 512,
}: AttackOptions): Promise<AttackReport> {
  const simulator = await startSimulator({ accounts: 20, organizationId });
  const limit = limitMemory(maxMiB * 1024 ** 2);
  const { clientId, clientSecret } = simulator.credentials;
  const command = `${limit.enter}; exec "${process.execPath}" ${[...flags, ...limit.flags].join(' ')} src/main.ts`;
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      MALLOC_ARENA_MAX: '1',
      DATABASE_URL: databaseUrl,
      SALESFORCE_LOGIN_URL: simulator.instanceUrl,
      SALESFORCE_CLIENT_ID: clientId,
      SALESFORCE_CLIENT_SECRET: clientSecret,
      PUBSUB_ENDPOINT: simulator.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: `test:read+write+admin:${key}`,
      RATE_LIMIT_WEBHOOKS_PER_MINUTE: '0',
      WEBHOOK_SECRETS: webhookSecret,
      OUTBOUND_MESSAGE_ORG_IDS: organizationId,
      OUTBOUND_MESSAGE_PATH_SECRET: pathSecret,
      PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const channel of [child.stdout, child.stderr])
    channel.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-200_000);
    });
  let ended: string | undefined;
  child.on('close', (code, signal) => {
    ended = `${code ?? signal}: ${output.slice(-500)}`;
  });
  try {
    const port = await eventually(
      'the service listens',
      () => {
        const [, found] = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? [];
        return found === undefined ? undefined : Number(found);
      },
      60_000,
    );
    const url = `http://127.0.0.1:${port}`;
    const get = async <T>(path: string): Promise<T> => {
      const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } });
      if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      return (await answer.json()) as T;
    };
    const isReady = (): Promise<boolean> =>
      fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(10_000) }).then(
        ({ ok }) => ok,
        () => false,
      );
    await eventually('the service is ready', isReady, 20_000).catch(async (error: Error) => {
      const answer = await fetch(`${url}/health/ready`).then((ready) => ready.text(), String);
      throw new Error(`${error.message}; it answers ${answer}; the service said: ${output.slice(-500)}`);
    });

    const org = inOrg(simulator);
    const ids = [...simulator.org.records()].map(({ id }) => id);
    const answers: Record<string, number> = {};
    const stop = new AbortController();
    const count = (status: number): void => {
      answers[status] = (answers[status] ?? 0) + 1;
    };
    const attacking = attacks[attack]({ port, organizationId, ids, count }, stop.signal);
    let [probes, unready, changesShown, n] = [0, 0, 0, 0];
    const probing = (async () => {
      while (!stop.signal.aborted) {
        probes += 1;
        if (!(await isReady())) unready += 1;
        await pause(250);
      }
    })();
    const changing = (async () => {
      while (!stop.signal.aborted) {
        n += 1;
        org.update(ids[n % ids.length] ?? '', { Site: `Change ${n}` });
        await pause(50);
      }
    })();
    const watching = (async () => {
      while (!stop.signal.aborted) {
        const Name = `Made under attack ${n}`;
        const id = org.create({ Name });
        await eventually(
          'a change is shown',
          async () =>
            stop.signal.aborted ||
            (await get<{ name: string }>(`/v1/accounts/${id}`).catch(() => undefined))?.name === Name,
          seconds * 1_000,
        ).catch(() => {});
        if (!stop.signal.aborted) changesShown += 1;
      }
    })();
    await pause(seconds * 1_000);
    stop.abort();
    await Promise.all([attacking, probing, changing, watching]);

    // The resources of the attackers are released when the service has noticed that they left.
    const id = await eventually('a comparison is accepted', async () => {
      const answer = await fetch(`${url}/v1/resyncs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ scope: 'all', mode: 'verify' }),
      });
      return answer.status === 202 && ((await answer.json()) as { id: string }).id;
    });
    type Resync = { readonly state: string; readonly verification: { readonly different: number } | null };
    const verified = await eventually(
      'the comparison has ended',
      async () => {
        const resync = await get<Resync>(`/v1/resyncs/${id}`).catch(() => undefined);
        return resync?.state === 'done' && resync;
      },
      300_000,
    );
    const { counts } = await get<{ counts: { accounts: { active: number } } }>('/v1/status');
    return {
      attack,
      limit: `${maxMiB} MiB by ${limit.kind}`,
      peakMiB: Math.round(limit.peak(child.pid ?? 0) / 1024 ** 2),
      answers,
      probes,
      unready,
      changesShown,
      different: verified.verification?.different ?? null,
      accountsInOrg: [...simulator.org.records()].length,
      accountsListed: counts.accounts.active,
      ended,
    };
  } catch (error) {
    const cause = error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error);
    throw new Error(`${cause}; ended: ${ended ?? 'no'}; the service said: ${output.slice(-600)}`);
  } finally {
    if (ended === undefined) child.kill('SIGTERM');
    await eventually('the service has ended', () => ended !== undefined, 30_000).catch(() =>
      child.kill('SIGKILL'),
    );
    await simulator.close();
    limit.remove();
  }
}
