import { registerHooks } from 'node:module';

// Generators of clients use the compiler API of TypeScript 5, which the console has of its own.
const console5 = new URL('../../console/package.json', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'typescript'
      ? next(specifier, { ...context, parentURL: console5 })
      : next(specifier, context),
});
