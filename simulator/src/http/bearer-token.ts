import type { FastifyRequest } from 'fastify';

/** The token of `Authorization: Bearer …` (or `OAuth …`, as Salesforce takes too). */
export const bearerToken = (request: Pick<FastifyRequest, 'headers'>): string | undefined =>
  /^(?:Bearer|OAuth)\s+(\S+)\s*$/i.exec(request.headers.authorization ?? '')?.[1];
