import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator.ts';
import type { SimulatorOptions } from '../../src/simulator-options.ts';
import { trust } from './open-simulator.ts';

const running: Simulator[] = [];
const start = async (options: SimulatorOptions = {}) => {
  const simulator = await startSimulator(options);
  running.push(simulator);
  return simulator;
};
afterEach(async () => {
  await Promise.all(running.splice(0).map((simulator) => simulator.close()));
});

const status = async ({ instanceUrl }: Simulator, token: string) => {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${instanceUrl}/services/data/v66.0/limits`, { headers })).status;
};

describe('the simulator', () => {
  it('the simulator has the same accounts for the same seed', async () => {
    const idsAndNames = ({ org }: Simulator) =>
      [...org.records()].map(({ id, values }) => [id, values['Name']]);
    const first = await start({ accounts: 20, seed: 5 });
    const second = await start({ accounts: 20, seed: 5 });
    const other = await start({ accounts: 20, seed: 6 });
    expect(first.org.size).toBe(20);
    expect(idsAndNames(second)).toEqual(idsAndNames(first));
    expect(idsAndNames(other)).not.toEqual(idsAndNames(first));
  });

  it('sessions expire by the clock of the simulator', async () => {
    const clock = { time: Date.UTC(2026, 10, 23) };
    const simulator = await start({ now: () => clock.time, tokenLifetimeMs: 1000 });
    const token = simulator.sessions.issue();
    const lasting = simulator.sessions.issue({ neverExpires: true });
    expect(await status(simulator, token)).toBe(200);
    clock.time += 1000;
    expect(await status(simulator, token)).toBe(401);
    expect(await status(simulator, lasting)).toBe(200);
  });

  it('accounts are kept in a journal and are not seeded again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'simulator-'));
    try {
      const journalFile = join(folder, 'org.ndjson');
      const before = await startSimulator({ journalFile, accounts: 3 });
      const caller = {
        userId: before.org.named.admin.id,
        api: 'rest',
        apiVersion: '66.0',
        client: null,
      } as const;
      before.org.transaction(caller, (tx) => tx.insert({ Name: 'Kept' }));
      const records = [...before.org.records()];
      await before.close();
      const after = await start({ journalFile, accounts: 3 });
      expect([...after.org.records()]).toEqual(records);
      expect(after.org.size).toBe(4);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('both servers use TLS with one certificate, or only the Pub/Sub API does', async () => {
    const simulator = await start({ tls: true });
    await expect(fetch(`${simulator.instanceUrl}/services/data`)).rejects.toThrow('fetch failed');
    trust(simulator);
    expect(simulator.instanceUrl).toMatch(/^https:/);
    const { headers, status } = await fetch(`${simulator.instanceUrl}/services/data`);
    expect([status, headers.get('keep-alive')]).toEqual([200, 'timeout=72']);
    await expect(fetch(simulator.instanceUrl.replace('https', 'http'))).rejects.toThrow('fetch failed');
    const { certificate, instanceUrl } = await start({ tls: 'pubsub' });
    expect([certificate, instanceUrl]).toEqual([
      expect.stringMatching(/^-----BEGIN CERTIFICATE-----/),
      expect.stringMatching(/^http:/),
    ]);
    expect(await start()).not.toHaveProperty('certificate');
  });

  it.each(['httpPort', 'pubsubPort'] as const)('the error names the %s if it is taken', async (option) => {
    const holder = await listen();
    const port = portOf(holder);
    await expect(startSimulator({ [option]: port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: `port ${port} is in use`,
    });
    await new Promise((resolve) => holder.close(resolve));
  });

  it('no port stays open if another one is taken', async () => {
    const holder = await listen();
    const free = await listen();
    const pubsubPort = portOf(free);
    await new Promise((resolve) => free.close(resolve));
    await expect(startSimulator({ httpPort: portOf(holder), pubsubPort })).rejects.toThrow('is in use');
    await start({ pubsubPort });
    await new Promise((resolve) => holder.close(resolve));
  });

  it('the simulator closes while clients are connected and frees its ports', async () => {
    const simulator = await startSimulator();
    const { hostname, port } = new URL(simulator.instanceUrl);
    expect(await status(simulator, simulator.sessions.issue())).toBe(200);
    const idle = connect(Number(port), hostname);
    await new Promise((resolve) => idle.once('connect', resolve));
    const closed = new Promise((resolve) => idle.once('close', resolve));
    await simulator.close();
    await closed;
    const [, pubsubPort] = simulator.pubsubEndpoint.split(':');
    await start({ httpPort: Number(port), pubsubPort: Number(pubsubPort) });
  });
});

const listen = () =>
  new Promise<Server>((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => resolve(server));
  });

const portOf = (server: Server): number => {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
};
