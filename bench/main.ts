// How fast Tidemark is on this machine, each figure next to its comparison from the same run:
// `npm run bench`, `npm run bench -- --quick`, `npm run bench -- --only ingest --rounds 1`. See docs/performance.md.
import { writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { growth } from './measures/growth.ts';
import { ingest } from './measures/ingest.ts';
import { latency } from './measures/latency.ts';
import { load } from './measures/load.ts';
import { isMet, type Result } from './measures/measure.ts';
import { memory } from './measures/memory.ts';
import { overhead } from './measures/overhead.ts';
import { reads } from './measures/reads.ts';
import { roundTrip } from './measures/round-trip.ts';
import { tables } from './measures/tables.ts';
import { openWorld } from './world.ts';

const measures = [ingest, overhead, latency, reads, load, tables, growth, roundTrip, memory];
const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
  },
});
const wanted = values.only?.split(',') ?? measures.map(({ name }) => name);
const unknown = wanted.find((name) => !measures.some((measure) => measure.name === name));
if (unknown !== undefined) {
  process.stderr.write(
    `--only: there is no ${unknown}; there are ${measures.map(({ name }) => name).join(', ')}\n`,
  );
  process.exit(2);
}

const extent = {
  quick: values.quick,
  rounds: values.rounds === undefined ? undefined : Number(values.rounds),
};
const world = await openWorld();
const results: Result[] = [];
try {
  for (const measure of measures.filter(({ name }) => wanted.includes(name))) {
    const begin = performance.now();
    for (const result of await measure.run(world, extent)) {
      results.push(result);
      say(line(result));
      if (result.cpu !== undefined) say(`      cores busy: ${shares(result.cpu)}`);
      if (result.note !== undefined) say(`      ${result.note}`);
    }
    say(`      (${measure.name}: ${((performance.now() - begin) / 1000).toFixed(0)} s)`);
  }
} finally {
  await world.close();
}
const machine = `${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Linux ${release()}, Node ${process.version}`;
await writeFile(
  new URL('results.json', import.meta.url),
  `${JSON.stringify({ at: new Date().toISOString(), quick: values.quick, machine, results }, null, 2)}\n`,
);
say(`\n${results.filter(isMet).length} of ${results.length} goals met on ${machine}`);

function line(result: Result): string {
  const { what, value, against, figure, unit, goal } = result;
  const sign = 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`;
  const compared = against === '' ? '' : ` against ${against}`;
  return `${isMet(result) ? 'met   ' : 'MISSED'} ${what}: ${round(figure)} ${unit} (goal ${sign} ${unit}) – ${value}${compared}`;
}

function shares(cpu: Readonly<Record<string, number>>): string {
  return Object.entries(cpu)
    .map(([name, share]) => `${name} ${share.toFixed(2)}`)
    .join(', ');
}

function round(figure: number): string {
  return figure >= 100 ? figure.toFixed(0) : figure.toFixed(2);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
