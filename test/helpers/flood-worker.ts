import { connect } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** What a flood is made of. */
export type FloodPlan = {
  readonly port: number;
  readonly path: string;
  readonly key: string;
  readonly perSecond: number;
};

/** How often each status was answered. */
export type FloodCounts = Readonly<Record<number, number>>;

const connections = 20;
const everyMs = 20;
// What was not answered yet is not piled up without end.
const maxWaiting = 100;

const { port, path, key, perSecond } = workerData as FloodPlan;
const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\n\r\n`;
const counts: Record<number, number> = {};
const share = Math.ceil((perSecond * everyMs) / 1_000 / connections);
for (let n = 0; n < connections; n++) open();

function open(): void {
  const socket = connect({ host: '127.0.0.1', port });
  let waiting = 0;
  const timer = setInterval(() => {
    if (waiting >= maxWaiting) return;
    waiting += share;
    socket.write(request.repeat(share));
  }, everyMs);
  socket.setEncoding('latin1').on('data', (text: string) => {
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) {
      counts[Number(status)] = (counts[Number(status)] ?? 0) + 1;
      waiting -= 1;
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    clearInterval(timer);
    open();
  });
}

setInterval(() => parentPort?.postMessage({ ...counts }), everyMs);
