import { hash } from 'node:crypto';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { IfNoneMatch } from '../schemas/parameters.ts';
import { matchesTag } from './etag.ts';

/**
 * Gives every page of every list an `ETag`, and answers 304 to whoever has the same page already. The tag is weak, so it
 * holds for the page compressed or not.
 */
export function registerListTags(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (isList(route)) describeTag(route);
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode !== 200 || typeof payload !== 'string' || !isList(request.routeOptions))
      return done();
    const tag = `W/"${hash('sha256', payload, 'base64url').slice(0, 22)}"`;
    reply.header('etag', tag);
    if (!matchesTag(request.headers['if-none-match'], tag)) return done();
    reply.code(304).removeHeader('content-type');
    // Of HEAD, Fastify drops the body by itself, and needs it until then.
    done(null, request.method === 'HEAD' ? payload : null);
  });
}

function isList({ schema, method }: { schema?: unknown; method?: RouteOptions['method'] }): boolean {
  const reads = [method].flat().some((name) => name === 'GET' || name === 'HEAD');
  const answer = answerOf(schema);
  const body = answer?.content?.['application/json']?.schema ?? answer;
  return reads && 'nextCursor' in (body?.properties ?? {});
}

function describeTag(route: RouteOptions): void {
  const answer = answerOf(route.schema);
  const { headers, response } = route.schema as { headers?: Described; response: object };
  const ETag = Type.String({ description: 'Changes with the page.' });
  route.schema = {
    ...route.schema,
    headers: Type.Object({ ...headers?.properties, 'if-none-match': IfNoneMatch }),
    response: {
      ...response,
      200: { ...answer, headers: { ...answer?.headers, ETag } },
      304: Type.Null({ description: 'The page is still as the ETag says.' }),
    },
  };
}

function answerOf(schema: unknown): Described | undefined {
  return (schema as { response?: { 200?: Described } } | undefined)?.response?.[200];
}

type Described = {
  readonly properties?: Record<string, TSchema>;
  readonly headers?: object;
  readonly content?: { readonly [type: string]: { readonly schema: Described } };
};
