import { spawnSync } from 'node:child_process';
import { parse } from 'yaml';

/** The name of the program promtool of Prometheus; undefined if it is not installed. */
export const promtool = spawnSync('promtool', ['--version']).error === undefined ? 'promtool' : undefined;

/** The value of a series in the Prometheus text format; undefined if there is none. */
export function metric(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const line = text
    .split('\n')
    .find(
      (each) =>
        (each.startsWith(`${name}{`) || each.startsWith(`${name} `)) &&
        Object.entries(labels).every(([key, value]) => each.includes(`${key}="${value}"`)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
}

/** The metrics that the queries of a rule file or dashboard use. JSON is YAML. */
export function metricNames(file: string): string[] {
  const queries: string[] = [];
  JSON.stringify(parse(file), (key, value: unknown) => {
    if (key === 'expr') queries.push(String(value));
    return value;
  });
  const names = queries.join('\n').matchAll(/\b(?:tidemark|process|nodejs)_[a-z0-9_]+/g);
  return [...new Set([...names].map(([name]) => name.replace(/_(?:bucket|sum|count)$/, '')))];
}
