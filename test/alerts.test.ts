import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { problemCodes } from '../src/health/problem.ts';
import { promtool } from './helpers/metrics.ts';

const root = new URL('../', import.meta.url);
const read = (file: string): string => readFileSync(new URL(file, root), 'utf8');
const { groups } = parse(read('deploy/prometheus/rules.yaml')) as {
  groups: readonly { rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const runbook = read('docs/runbook.md');
const entries = (section: string): string[] => {
  const [, text = ''] = runbook.split(`\n## ${section}\n`);
  return [...(text.split('\n## ')[0] ?? '').matchAll(/^### (\S+)$/gm)].map(([, name = '']) => name);
};

const check = (...words: readonly string[]): { status: number | null; output: string } => {
  const { status, stdout, stderr } = spawnSync(promtool ?? '', words, {
    cwd: new URL('deploy/prometheus/', root),
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
};

describe('the alerts', () => {
  it.skipIf(promtool === undefined)(
    'promtool accepts the rules, and each fires as its test says (needs promtool)',
    () => {
      expect(check('check', 'rules', 'rules.yaml')).toMatchObject({ status: 0 });
      expect(check('test', 'rules', 'rules.test.yaml')).toMatchObject({ status: 0 });
    },
  );

  it('each alert has a test, a severity, texts and a link to its entry in the runbook', () => {
    const { tests } = parse(read('deploy/prometheus/rules.test.yaml')) as {
      tests: readonly { name: string }[];
    };
    expect(tests.map(({ name }) => name).sort()).toEqual(rules.map(({ alert }) => alert).sort());
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary, alert).toMatch(/\.$/);
      expect(annotations.description.trim(), alert).not.toBe('');
      expect(annotations.runbook_url, alert).toMatch(
        new RegExp(`^\\{\\{ with .*\\}\\}docs/runbook\\.md\\{\\{ end \\}\\}#${alert.toLowerCase()}$`),
      );
    }
  });
});

describe('the dashboard', () => {
  const dashboard = JSON.parse(read('deploy/grafana/tidemark.json')) as Dashboard;

  it('every panel has an id of its own, a place, a description and queries of the selected job', () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { type, title, description, gridPos, targets } of panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      if (type === 'row') continue;
      expect(description, title).toMatch(/\.$/);
      expect(targets?.length, title).toBeGreaterThan(0);
      for (const { expr, datasource } of targets ?? []) {
        expect(expr, title).toContain('{job=~"$job"');
        expect(datasource.uid, title).toBe(`\${datasource}`);
      }
    }
    const overlaps = panels.filter(({ gridPos: a }, index) =>
      panels
        .slice(0, index)
        .some(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h),
    );
    expect(overlaps.map(({ title }) => title)).toEqual([]);
  });

  it.skipIf(promtool === undefined)('promtool accepts the queries of the dashboard (needs promtool)', () => {
    const queries = dashboard.panels.flatMap(({ targets }) => targets?.map(({ expr }) => expr) ?? []);
    const recorded = queries.map((expr, index) => ({
      record: `query_${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    const folder = mkdtempSync(path.join(tmpdir(), 'tidemark-dashboard-'));
    const file = path.join(folder, 'queries.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
    const { status, output } = check('check', 'rules', file);
    rmSync(folder, { recursive: true });
    expect(output).toContain('SUCCESS');
    expect(status).toBe(0);
  });
});

describe('the runbook', () => {
  it('each alert and each reason of the verdict has an entry, and no entry is obsolete', () => {
    expect(entries('Alerts').sort()).toEqual(rules.map(({ alert }) => alert).sort());
    expect(entries('Reasons').sort()).toEqual([...problemCodes].sort());
  });

  it('each entry says what it means, how to check it, what to do, and when it ends', () => {
    for (const entry of runbook.split(/^### /m).slice(1)) {
      const points = [...entry.matchAll(/^- \*\*(.+?):\*\* \S/gm)].map(([, name]) => name);
      expect(points, entry.split('\n', 1)[0]).toEqual(['Meaning', 'Check', 'Do', 'Ends when']);
    }
  });

  it('each link of the runbook leads to an existing page and section', () => {
    for (const [, page = '', anchor] of runbook.matchAll(/\]\(((?!http)[^)#]*)(?:#([^)]*))?\)/g)) {
      const text = page === '' ? runbook : read(`docs/${page}`);
      const anchors = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w\- ]/g, '')
          .replaceAll(' ', '-'),
      );
      if (anchor !== undefined) expect(anchors, `${page}#${anchor}`).toContain(anchor);
    }
  });
});

type Dashboard = {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly description?: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
  }[];
};

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
  };
};
