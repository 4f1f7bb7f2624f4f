import { AjvCompiler } from '@fastify/ajv-compiler';
import type { FastifySchemaCompiler } from 'fastify';

const compile = AjvCompiler()({}, { customOptions: { coerceTypes: false, removeAdditional: false } });

// Shared by all simulators of the process.
const validators = new Map<string, ReturnType<typeof compile>>();

/**
 * Compiles the schema of a route when the route is first called. Compiling all of them takes most of the time of a start.
 */
export const compileLazily: FastifySchemaCompiler<unknown> = (route) => {
  const key = JSON.stringify(route.schema);
  return (value: unknown) => {
    const validate = validators.get(key) ?? compile(route);
    validators.set(key, validate);
    return validate(value) === true || { error: validate.errors ?? [] };
  };
};
