import buildSerializer from 'fast-json-stringify';
import type { FastifyReply, FastifyServerOptions } from 'fastify';

type Schema = Parameters<typeof buildSerializer>[0];
type Serialize = (response: unknown) => string;
type SerializerFactory = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>['buildSerializer']
>;

// Shared by all servers of the process: most responses of most routes are the same problems.
const serializers = new Map<string, Serialize>();

/**
 * Compiles the serializer of a response when it is first sent. Compiling all of them took more than half of the time
 * needed to create the server.
 *
 * @param shared the schemas added to the server, by `$id`
 */
export const lazySerializers: SerializerFactory = (shared) => {
  const sharedSchemas = shared as Readonly<Record<string, Schema>>;
  return ({ schema }) => {
    let serialize: Serialize | undefined;
    return (response) => {
      serialize ??= compileSerializer(schema as Schema, sharedSchemas);
      return serialize(response);
    };
  };
};

function compileSerializer(schema: Schema, shared: Readonly<Record<string, Schema>>): Serialize {
  const used = referencedSchemas(JSON.stringify(schema), shared);
  const key = JSON.stringify([schema, used]);
  const serialize = serializers.get(key) ?? buildSerializer(schema, { schema: used });
  serializers.set(key, serialize);
  return serialize;
}

/** The shared schemas that a schema references, directly or indirectly. */
function referencedSchemas(text: string, shared: Readonly<Record<string, Schema>>): Record<string, Schema> {
  const found: Record<string, Schema> = {};
  const texts = [text];
  for (let next = texts.pop(); next !== undefined; next = texts.pop()) {
    for (const [, id = ''] of next.matchAll(/"\$ref":"([^"#]+)#/g)) {
      const referenced = shared[id];
      if (referenced === undefined || Object.hasOwn(found, id)) continue;
      found[id] = referenced;
      texts.push(JSON.stringify(referenced));
    }
  }
  return found;
}

/** Sends JSON that is already a text: for large responses, Fastify's serializer costs twice as much as JSON.stringify. */
export function sendJson(reply: FastifyReply, text: string | Buffer): FastifyReply {
  return reply.type('application/json; charset=utf-8').send(text);
}
