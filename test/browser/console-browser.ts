import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { eventually } from '../helpers/eventually.ts';

const chromiumPath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const hasBrowser = existsSync(chromiumPath);

/** Whether the console is built and a browser can open it. */
export const hasConsole = hasBrowser && existsSync(new URL('../../console/dist/index.html', import.meta.url));
if (!hasConsole) process.stderr.write(`skipped: the console is not built, or there is no ${chromiumPath}\n`);

export type Size = 'desktop' | 'phone';

/** The sizes at which every page and every action is checked. */
export const sizes = {
  desktop: { width: 1280, height: 900 },
  phone: { width: 375, height: 740 },
} as const satisfies Record<Size, object>;

export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    args: [
      '--no-sandbox',
      '--disable-dev-shm-usage',
      '--disable-background-networking',
      '--no-first-run',
      // Optimizing what runs a few times takes more time than it saves.
      '--js-flags=--no-opt --no-maglev',
    ],
  });
}

/** A page that is signed in, and what a user does with it. */
export type Session = {
  readonly page: Page;
  /** What the browser has reported as an error. */
  readonly errors: string[];
  resize(size: Size): Promise<void>;
  /** Opens a view by its path, and waits until its data is there. Where another view is open, the page is not loaded again. */
  open(path: string): Promise<void>;
  /** Loads a view by its path, as a bookmark does, and waits until its data is there. */
  load(path: string): Promise<void>;
  /** Follows a link of the navigation, which a phone shows after a click on "Menu". */
  follow(name: string): Promise<void>;
  click(name: string | RegExp): Promise<void>;
  /** Clicks a button of the open dialog, which must be usable. */
  confirm(name: string): Promise<void>;
  says(text: string | RegExp): Promise<void>;
};

/** Opens a page whose errors are collected, and signs in by the form. Pages of one context load the console faster. */
export async function signIn(
  browser: Browser | BrowserContext,
  url: string,
  key: string,
  { size }: { readonly size: Size },
): Promise<Session> {
  const page = await browser.newPage();
  const resize = (size: Size): Promise<void> => page.setViewportSize(sizes[size]);
  await resize(size);
  await page.emulateMedia({ reducedMotion: 'reduce' });
  const errors = collectErrors(page);
  await page.goto(url);
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  const click = (name: string | RegExp): Promise<void> => page.getByRole('button', { name }).first().click();
  const load = (path: string): Promise<void> => openView(page, url.replace(/\/$/, '') + path);
  return {
    page,
    errors,
    resize,
    load,
    async open(path) {
      const target = new URL(url.replace(/\/$/, '') + path);
      if (new URL(page.url()).pathname === target.pathname) return load(path);
      // As the "Forward" of the browser does. The view is rendered before this returns.
      await page.evaluate(
        `history.pushState(null, '', ${JSON.stringify(target.href)}); dispatchEvent(new PopStateEvent('popstate'))`,
      );
      await loaded(page);
    },
    async follow(name) {
      if (page.viewportSize()?.width === sizes.phone.width) await click('Menu');
      await page.getByRole('link', { name, exact: true }).click();
    },
    click,
    async confirm(name) {
      const button = page.getByRole('dialog').getByRole('button', { name, exact: true });
      await button.waitFor();
      expectNone(await findProblems(page));
      await button.click();
    },
    says: (text) => page.getByText(text).first().waitFor(),
  };
}

/** The errors that the browser reports for a page: of scripts, of the content security policy, of responses. */
export function collectErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(`${message.text()} ${message.location().url}`);
  });
  return errors;
}

/** Opens a view by its URL, and waits until its data is there. */
export async function openView(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await loaded(page);
}

async function loaded(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1 }).waitFor();
  const waiting = page.getByText(/^(?:Loading|Signing in)…$/);
  await eventually('the data is there', async () => (await waiting.count()) === 0);
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = {
  all: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  /** The rules above whose result depends on colors. */
  ofColors: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
};

/** What makes the page hard to use: violations of WCAG 2.2 AA that can be detected, and what does not fit the window. */
export async function findProblems(page: Page, runOnly: keyof typeof rules = 'all'): Promise<string[]> {
  // Evaluated by the debugger: the policy of the page forbids other scripts.
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axe);
  const found = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(rules[runOnly])}, resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  )) as { id: string; nodes: { html: string; failureSummary?: string }[] }[];
  const violations = found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
  return [...violations, ...((await page.evaluate(findMisfits)) as string[])];
}

/** Only the dump of bytes may scroll sideways. */
const findMisfits = `(() => {
  const found = [];
  const wider = document.documentElement.scrollWidth - innerWidth;
  if (wider > 0) found.push('the page is ' + wider + ' px wider than the window');
  for (const table of document.querySelectorAll('.table:has(table)')) {
    const hidden = table.scrollWidth - table.clientWidth;
    if (hidden > 0) found.push('the table ' + table.ariaLabel + ' hides ' + hidden + ' px');
  }
  for (const dialog of document.querySelectorAll('dialog[open]')) {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) found.push('a dialog exceeds the window');
  }
  return found;
})()`;

/** @throws with all problems */
export function expectNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(`The page is hard to use:\n${problems.join('\n')}`);
}
