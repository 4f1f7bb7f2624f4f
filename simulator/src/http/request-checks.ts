import type { FastifyReply, FastifyRequest } from 'fastify';

/** Limit of the URL and headers of a request. Source: "Status Codes", REST API guide. */
const maxBytes = 16_384;

/** The limit of Node's parser; higher, so that the error is Salesforce's. */
export const maxHeaderSize = 1024 * 1024;

/** Refuses a request whose URL (414), or URL and headers together (431), are too long. */
export async function limitAddress(request: FastifyRequest, reply: FastifyReply) {
  const { rawHeaders, url = '' } = request.raw;
  const addressBytes = Buffer.byteLength(url);
  const headerBytes = rawHeaders.reduce((sum, text) => sum + Buffer.byteLength(text) + 2, 0);
  if (addressBytes > maxBytes) return refuse(reply, 414, 'URI Too Long');
  if (addressBytes + headerBytes > maxBytes) return refuse(reply, 431, 'Request Header Fields Too Large');
  return undefined;
}

/** The web server in front of the API sends this error, so it is not JSON. */
function refuse(reply: FastifyReply, status: number, reason: string) {
  return reply
    .code(status)
    .type('text/html;charset=iso-8859-1')
    .send(`<h1>Bad Message ${status}</h1><pre>reason: ${reason}</pre>`);
}

/** Refuses callers on other machines, and web pages in a browser on this machine. */
export const assertLoopback = async ({ headers, hostname, ip }: FastifyRequest): Promise<void> => {
  const fromPage = headers.origin !== undefined && headers['sec-fetch-site'] !== 'same-origin';
  if (loopbackAddresses.test(ip) && loopbackNames.test(hostname) && !fromPage) return;
  throw Object.assign(new Error('only callers on this machine are allowed'), { statusCode: 403 });
};

const loopbackAddresses = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const loopbackNames = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i;
