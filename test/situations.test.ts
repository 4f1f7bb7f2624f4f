import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../src/config/config.ts';
import type { Fault, StoredFacts } from '../src/health/facts.ts';
import { judgeHealth } from '../src/health/verdict.ts';
import { situationTable } from './chaos/situation-list.ts';
import { outageGroups } from './chaos/situations-outage.ts';
import { runningGroups } from './chaos/situations-running.ts';
import { startingGroups } from './chaos/situations-starting.ts';
import { ago, facts, stored, subscription } from './health/healthy-facts.ts';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
const page = read('docs/operator-situations.md');
const runbook = read('docs/runbook.md');
const situations = [...outageGroups, ...runningGroups, ...startingGroups].flatMap(
  (group) => group.situations,
);

const fault = (code: string, needsPerson = false): Fault => ({
  code,
  message: 'm',
  action: 'a',
  needsPerson,
  since: ago(90),
});
const validation = 'FIELD_CUSTOM_VALIDATION_EXCEPTION';
const load = { read: 0, expected: null, since: ago(9), error: 'e', cause: null, isWaitingForBudget: false };
/** The facts of a reason. */
const factsOf: Readonly<Record<string, Partial<StoredFacts>>> = {
  'stream-down': { subscription: { ...subscription, outage: fault('service.unavailable') } },
  'stream-stopped': { subscription: { ...subscription, outage: fault('inactive_user', true) } },
  'database-full': { subscription: { ...subscription, outage: fault('database-full') } },
  'apply-failing': { subscription: { ...subscription, applyFault: fault('schema.meta.permission', true) } },
  'initial-load': {
    subscription: { ...subscription, loadedAt: null },
    initialLoad: { ...load, state: 'failed' },
  },
  'no-leader': { subscription: { ...subscription, renewedAt: ago(90) } },
  'codes-failed': { failedCodes: [{ code: validation, message: 'm', count: 3, since: ago(9) }] },
  differences: { incidents: [{ cause: 'difference', count: 1, since: ago(9) }] },
};
const verdictOf = (more: Partial<StoredFacts>) => judgeHealth({ ...facts, stored: { ...stored, ...more } });

describe('the situations of an operator', () => {
  it('the runbook has the table of all situations', () => {
    expect(runbook).toContain(`\n\n${situationTable(situations)}\n\n## `);
  });

  it('the sentence of each row was shown when the situation was played, and its alert and runbook entry exist', () => {
    const { groups } = parse(read('deploy/prometheus/rules.yaml')) as {
      groups: readonly { rules: readonly { alert: string }[] }[];
    };
    const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
    for (const { title, shows } of situations) {
      const section = page.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
      expect(section, title).toContain(shows.sentence);
      if (shows.reason !== null)
        expect(section, title).toMatch(new RegExp(`\\(${shows.reason}\\): |"code": "${shows.reason}"`));
      if (shows.alert === null) continue;
      expect(alerts, title).toContain(shows.alert);
      expect(runbook, title).toContain(`\n### ${shows.reason ?? shows.alert}\n`);
    }
  });

  it('the verdict and the start have these sentences now', () => {
    for (const { title, shows } of situations) {
      if (shows.reason === null) continue;
      const { problems } = verdictOf(factsOf[shows.reason] ?? {});
      expect(problems, title).toContainEqual(
        expect.objectContaining({ code: shows.reason, summary: shows.sentence }),
      );
    }
    const starts = [
      { SALESFORCE_LOGIN_URI: 'https://a.my.salesforce.com' },
      { CDC_TOPIC: '/data/ContactChangeEvent' },
    ];
    const refused = situations.filter(({ shows }) => shows.reason === null && shows.alert !== null);
    expect(refused.length).toBe(starts.length);
    for (const [index, { shows }] of refused.entries())
      expect(() => loadConfig({ DATABASE_URL: 'postgres://localhost/none', ...starts[index] })).toThrow(
        shows.sentence,
      );
  });
});
