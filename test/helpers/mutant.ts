import { registerHooks } from 'node:module';
import type { buildApp } from '../../src/app.ts';

/** The modules that mutants change, by their path below `src`. */
export type MutableModules = {
  'salesforce/bitmap.ts': typeof import('../../src/salesforce/bitmap.ts');
  'salesforce/pubsub-stream.ts': typeof import('../../src/salesforce/pubsub-stream.ts');
  'salesforce/schema-cache.ts': typeof import('../../src/salesforce/schema-cache.ts');
  'salesforce/signup-codes.ts': typeof import('../../src/salesforce/signup-codes.ts');
  'apply/decode-stored.ts': typeof import('../../src/apply/decode-stored.ts');
  'apply/event-effect.ts': typeof import('../../src/apply/event-effect.ts');
  'apply/event-rows.ts': typeof import('../../src/apply/event-rows.ts');
  'incidents/detected-gaps.ts': typeof import('../../src/incidents/detected-gaps.ts');
  'apply/merge.ts': typeof import('../../src/apply/merge.ts');
  'ingest/event-key.ts': typeof import('../../src/ingest/event-key.ts');
  'resync/pages.ts': typeof import('../../src/resync/pages.ts');
  'ingest/store-events.ts': typeof import('../../src/ingest/store-events.ts');
  'apply/transaction-group.ts': typeof import('../../src/apply/transaction-group.ts');
  'apply/version.ts': typeof import('../../src/apply/version.ts');
  'write-back/judge-result.ts': typeof import('../../src/write-back/judge-result.ts');
};

/**
 * Faulty versions of exported functions, each made from the original. Calls inside the module of a function still
 * reach the original.
 */
export type Replacements = {
  readonly [Module in keyof MutableModules]?: {
    readonly [Name in keyof MutableModules[Module]]?: (
      original: MutableModules[Module][Name],
    ) => MutableModules[Module][Name];
  };
};

/**
 * Loads the service once more, with the given exports replaced. Nothing is written to disk: the module with
 * replacements is wrapped, and it and all that import it are loaded under URLs with `?mutant=N`. The other modules are
 * loaded once for all mutants.
 *
 * @throws if a module or an export does not exist
 */
export async function loadMutant(replace: Replacements): Promise<typeof buildApp> {
  await importNatively(`${source}app.ts`);
  const urls = Object.keys(replace).map((module) => source + module);
  const unknown = urls.find((url) => !importers.has(url));
  if (unknown !== undefined) throw new Error(`${unknown} is not part of the service`);
  const id = mutants.push({ replace, affected: withImporters(urls) }) - 1;
  const app: { readonly buildApp: typeof buildApp } = await importNatively(`${source}app.ts?mutant=${id}`);
  return app.buildApp;
}

const source = new URL('../../src/', import.meta.url).href;

type Mutant = {
  readonly replace: Replacements;
  /** URLs of the modules with replacements and of all that import them, directly or not. */
  readonly affected: ReadonlySet<string>;
};

declare global {
  // Vitest's module runner and Node's loader share nothing else, and Node's loader outlives a test file.
  var tidemarkMutants:
    | { readonly mutants: Mutant[]; readonly importers: Map<string, Set<string>> }
    | undefined;
}
globalThis.tidemarkMutants ??= { mutants: [], importers: new Map() };
/** `importers` has the modules that import each module of the service, as it is without mutants. */
const { mutants, importers } = globalThis.tidemarkMutants;

function withImporters(urls: readonly string[]): Set<string> {
  const affected = new Set(urls);
  for (const url of affected) for (const importer of importers.get(url) ?? []) affected.add(importer);
  return affected;
}

// In a test file Vitest replaces `import()`; in a module that it does not transform it leaves it alone.
const loader = 'data:text/javascript,export const load = (url) => import(url);';
const { load: importNatively } = (await import(loader)) as { load: (url: string) => Promise<never> };

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context);
    const { url } = resolved;
    const parentURL = context.parentURL ?? '';
    if (!url.startsWith(source) || url.includes('?')) return resolved;
    const id = /\?mutant=(\d+)/.exec(parentURL)?.[1];
    if (id === undefined) importers.set(url, (importers.get(url) ?? new Set()).add(parentURL));
    const isAffected = id !== undefined && mutants[Number(id)]?.affected.has(url);
    return isAffected ? { ...resolved, url: `${url}?mutant=${id}` } : resolved;
  },
  load(url, context, nextLoad) {
    const [file = '', id] = url.split('?mutant=');
    const module = file.slice(source.length) as keyof MutableModules;
    const replacements = file.startsWith(source) && mutants[Number(id)]?.replace[module];
    if (!replacements) return nextLoad(url, context);
    return {
      format: 'module',
      source: wrap(`${url}&original`, Number(id), module, Object.keys(replacements)),
      shortCircuit: true,
    };
  },
});

/** A module with all exports of the original; those declared here hide the ones of the same name. */
function wrap(original: string, id: number, module: string, names: readonly string[]): string {
  return [
    `import * as original from '${original}';`,
    `export * from '${original}';`,
    `const replace = globalThis.tidemarkMutants.mutants[${id}].replace['${module}'];`,
    ...names.map((name) => `if (!('${name}' in original)) throw new Error('${module} exports no ${name}');`),
    ...names.map((name) => `export const ${name} = replace.${name}(original.${name});`),
  ].join('\n');
}
