import type { FastifyRequest } from 'fastify';

/** Refuses whoever does not sit on this machine, and web pages that reach it through the browser of one who does. */
export const assertLoopback = async ({ headers, hostname, ip }: FastifyRequest): Promise<void> => {
  const fromPage = headers.origin !== undefined && headers['sec-fetch-site'] !== 'same-origin';
  if (loopbackAddresses.test(ip) && loopbackNames.test(hostname) && !fromPage) return;
  throw Object.assign(new Error('only for callers on this machine'), { statusCode: 403 });
};

const loopbackAddresses = /^(?:::ffff:)?127\.\d+\.\d+\.\d+$|^::1$/;
const loopbackNames = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/i;
