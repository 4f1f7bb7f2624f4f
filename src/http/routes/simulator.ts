import type { FastifyRequest } from 'fastify';
import { directEgress } from '../../egress/egress.ts';
import { Problem } from '../problem.ts';
import type { HttpDependencies, Server } from '../server-types.ts';

const timeoutMs = 10_000;

/**
 * Forwards to the control API of the simulator, which accepts only callers on its machine: the console creates records
 * and switches faults with it. The routes exist only if this process has started the simulator.
 */
export function registerSimulatorRoutes(app: Server, { simulatorUrl }: HttpDependencies): void {
  if (simulatorUrl === undefined) return;
  const forward = async (request: FastifyRequest): Promise<Response> => {
    const { method, url, body } = request;
    const hasBody = body !== undefined && body !== null;
    const forwarded = {
      method,
      ...(hasBody && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      signal: AbortSignal.timeout(timeoutMs),
    };
    const target = new URL(url, simulatorUrl);
    const response = await directEgress.send(target, forwarded).catch((error: unknown) => {
      request.log.warn({ err: error }, 'the simulator does not respond');
      throw new Problem('unavailable', 'The simulator does not respond.', {
        headers: { 'retry-after': '5' },
      });
    });
    const type = response.headers['content-type'] ?? 'text/plain';
    return new Response(response.body, { status: response.status, headers: { 'content-type': type } });
  };
  for (const url of ['/simulator', '/simulator/*']) {
    app.route({
      method: ['GET', 'POST', 'PATCH', 'DELETE'],
      url,
      config: { scope: 'admin' },
      schema: { hide: true },
      handler: forward,
    });
  }
}
