import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { keys } from './start-server.ts';

/** An answer as it came over the wire: nothing is decompressed. */
export async function fetchBytes(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; bytes: Buffer }> {
  const response = await openAnswer(url, path, headers);
  return { status: response.statusCode, headers: response.headers, bytes: await buffer(response) };
}

/** An answer of which nothing but the head has been read. */
export async function openAnswer(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(
    `${url}${path}`,
    { agent: false, headers: { authorization: `Bearer ${keys.read}`, ...headers } },
    resolve,
  ).on('error', reject);
  return promise;
}
