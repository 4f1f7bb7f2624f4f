import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';

describe('the fault proxy', () => {
  let echo: Server;
  let proxy: FaultProxy;
  const clients: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.on('data', (data) => socket.write(data));
    });
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const { port } = echo.address() as AddressInfo;
    proxy = await startFaultProxy(() => ({ host: '127.0.0.1', port }));
  });

  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await proxy.close();
    echo.close();
  });

  /** A client, with all that it has heard and how its connection ended. */
  const connect = async () => {
    const socket = createConnection({ host: '127.0.0.1', port: proxy.port });
    clients.push(socket);
    const seen = { socket, heard: '', end: undefined as string | undefined };
    socket.on('data', (data: Buffer) => {
      seen.heard += data.toString();
    });
    socket.on('end', () => {
      seen.end ??= 'end';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      seen.end ??= error.code;
    });
    await once(socket, 'connect').catch(() => {});
    return seen;
  };
  const hears = (client: { heard: string }, text: string) =>
    eventually(`it hears ${text}`, () => client.heard === text);
  const ends = (client: { end: string | undefined }, how: string) =>
    eventually(`it ends with ${how}`, () => client.end === how);

  it('the proxy forwards, holds back and delivers what it held back', async () => {
    const client = await connect();
    client.socket.write('one ');
    await hears(client, 'one ');
    proxy.hold();
    client.socket.write('two');
    const late = await connect();
    late.socket.write('late');
    proxy.pass();
    await hears(client, 'one two');
    await hears(late, 'late');
  });

  it('the proxy keeps the order of slowed data, also when it is fast again', async () => {
    const client = await connect();
    proxy.slow(60);
    client.socket.write('slow, ');
    await eventually('it is on its way', () => proxy.open === 1);
    proxy.pass();
    client.socket.write('fast');
    await hears(client, 'slow, fast');
  });

  it('the proxy closes connections, resets them and refuses new ones', async () => {
    const [first, second] = [await connect(), await connect()];
    await eventually('both are open', () => proxy.open === 2);
    proxy.cut();
    await ends(first, 'end');
    await ends(second, 'end');
    const third = await connect();
    await eventually('it is open', () => proxy.open > 0);
    proxy.reset();
    await ends(third, 'ECONNRESET');
    proxy.refuse();
    await ends(await connect(), 'ECONNRESET');
  });

  it('the proxy leaves old connections silent forever while new ones work', async () => {
    const old = await connect();
    old.socket.write('heard');
    await hears(old, 'heard');
    proxy.abandon();
    old.socket.write(', not heard');
    const fresh = await connect();
    fresh.socket.write('works');
    await hears(fresh, 'works');
    proxy.pass();
    expect(old).toMatchObject({ heard: 'heard', end: undefined });
  });

  it('the proxy forwards what has the marker and drops the answer with the connection', async () => {
    const client = await connect();
    const dropped = proxy.dropAnswerTo(Buffer.from('commit'));
    client.socket.write('begin ');
    await hears(client, 'begin ');
    client.socket.write('commit');
    await dropped;
    await ends(client, 'ECONNRESET');
    expect(client.heard).toBe('begin ');
  });

  it('the proxy resets a connection after a number of bytes', async () => {
    const client = await connect();
    proxy.limit(10);
    client.socket.write('123456789');
    await hears(client, '123456789');
    client.socket.write('0123');
    await ends(client, 'ECONNRESET');
  });
});
