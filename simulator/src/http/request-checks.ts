import type { FastifyReply, FastifyRequest } from 'fastify';

/** Bytes that the address and the headers of a request have together. Source: "Status Codes", REST API guide. */
const maxBytes = 16_384;

/** What Node's parser accepts, so that the refusal is Salesforce's and not Node's. */
export const maxHeaderSize = 1024 * 1024;

/** Refuses a request whose address (414), or address and headers together (431), are too long. */
export async function limitAddress(request: FastifyRequest, reply: FastifyReply) {
  const { rawHeaders, url = '' } = request.raw;
  const addressBytes = Buffer.byteLength(url);
  const headerBytes = rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0);
  if (addressBytes > maxBytes) return refuse(reply, 414, 'URI Too Long');
  if (addressBytes + headerBytes > maxBytes) return refuse(reply, 431, 'Request Header Fields Too Large');
  return undefined;
}

/** The web server in front of the API refuses these, so they are no JSON. */
function refuse(reply: FastifyReply, status: number, reason: string) {
  return reply
    .code(status)
    .type('text/html;charset=iso-8859-1')
    .send(`<h1>Bad Message ${status}</h1><pre>reason: ${reason}</pre>`);
}

/** Refuses whoever does not sit on this machine, and web pages that reach it through the browser of one who does. */
export const assertLoopback = async ({ headers, hostname, ip }: FastifyRequest): Promise<void> => {
  const fromPage = headers.origin !== undefined && headers['sec-fetch-site'] !== 'same-origin';
  if (loopbackAddresses.test(ip) && loopbackNames.test(hostname) && !fromPage) return;
  throw Object.assign(new Error('only for callers on this machine'), { statusCode: 403 });
};

const loopbackAddresses = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const loopbackNames = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i;
