import { Session } from 'node:inspector/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Runs the work and returns the source files of which a function ran meanwhile, by their paths in `src`. The execution
 * of a module at its import does not count; generated code and the simulator are left out.
 */
export async function filesRunDuring(work: () => Promise<void>): Promise<string[]> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false });
  // Resets the counts.
  await session.post('Profiler.takePreciseCoverage');
  await work();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  await session.post('Profiler.stopPreciseCoverage');
  session.disconnect();
  return result
    .filter(({ functions }) => functions.some(hasRun))
    .flatMap(({ url }) => sourcePath(url) ?? [])
    .sort();
}

type CoveredFunction = {
  readonly functionName: string;
  readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
};

function hasRun({ functionName, ranges }: CoveredFunction): boolean {
  const isModuleBody = functionName === '' && ranges[0]?.startOffset === 0;
  return !isModuleBody && ranges.some(({ count }) => count > 0);
}

const sources = path.join(import.meta.dirname, '../src');
const excluded = /^(?:sandbox|db[/]generated)[/]/;

function sourcePath(url: string): string | undefined {
  if (!url.startsWith('file:')) return undefined;
  const name = path.relative(sources, fileURLToPath(url));
  return name.startsWith('..') || excluded.test(name) ? undefined : name;
}
