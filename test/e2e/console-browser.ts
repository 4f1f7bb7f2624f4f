import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { eventually } from '../helpers/eventually.ts';

export const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** The sizes at which every page is checked. */
export const sizes = { desktop: { width: 1280, height: 900 }, phone: { width: 375, height: 740 } };

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
  });
}

/** Opens a page whose errors are collected, and signs in by the form. */
export async function signIn(
  browser: Browser,
  url: string,
  key: string,
  { size }: { readonly size: keyof typeof sizes },
): Promise<{ readonly page: Page; readonly errors: string[] }> {
  const page = await browser.newPage({ viewport: sizes[size] });
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.goto(url);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  return { page, errors };
}

/** Opens a view by its URL, and waits until its data is there. */
export async function openView(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  const waiting = page.getByText(/^(?:Loading|Signing in)…$/);
  await eventually('the data is there', async () => (await waiting.count()) === 0);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** The violations of WCAG 2.2 AA that can be detected, with the elements. */
export async function violations(page: Page): Promise<string[]> {
  // Evaluated by the debugger: the policy of the page forbids other scripts.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then(({ violations }) => violations)`,
  )) as { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** How much wider the page is than the window, in pixels. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - innerWidth') as Promise<number>;
}
