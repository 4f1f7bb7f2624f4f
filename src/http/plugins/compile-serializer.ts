import buildSerializer from 'fast-json-stringify';
import type { FastifyServerOptions } from 'fastify';

type Schema = Parameters<typeof buildSerializer>[0];
type Serialize = (answer: unknown) => string;
type SerializerFactory = NonNullable<
  NonNullable<NonNullable<FastifyServerOptions['schemaController']>['compilersFactory']>['buildSerializer']
>;

// One for each schema of the process: most responses of most routes are the same few problems.
const serializers = new Map<string, Serialize>();

/**
 * Builds the serializer of a response when it is first sent. Compiling all of them, each with all shared schemas, took
 * more than half of the time in which the server was made.
 *
 * @param shared the schemas added to the server, by their `$id`
 */
export const lazySerializers: SerializerFactory = (shared) => {
  const sharedSchemas = shared as Readonly<Record<string, Schema>>;
  return ({ schema }) => {
    let serialize: Serialize | undefined;
    return (answer) => {
      serialize ??= serializerOf(schema as Schema, sharedSchemas);
      return serialize(answer);
    };
  };
};

function serializerOf(schema: Schema, shared: Readonly<Record<string, Schema>>): Serialize {
  const used = referencedBy(JSON.stringify(schema), shared);
  const key = JSON.stringify([schema, used]);
  const known = serializers.get(key);
  if (known !== undefined) return known;
  const built = buildSerializer(schema, { schema: used });
  serializers.set(key, built);
  return built;
}

/** The shared schemas that a schema refers to, and those that they refer to. */
function referencedBy(text: string, shared: Readonly<Record<string, Schema>>): Record<string, Schema> {
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
