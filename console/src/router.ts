import { signal } from '@preact/signals';

/** Where the console is served: the files of the build are one level below. */
const base = new URL(/* @vite-ignore */ '../', import.meta.url);

export type Place = { readonly path: string; readonly query: URLSearchParams };

/** The current view. */
export const place = signal<Place>(readPlace());

/** False until the first navigation: the focus stays where the browser puts it when a page is opened. */
export let hasNavigated = false;

/** The URL of a view, such as `/accounts`, or of a page of the service, such as `/docs`. */
export function hrefOf(path: string): string {
  return new URL(path.replace(/^\//, ''), base).href;
}

export function navigate(path: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, '', hrefOf(path));
  else history.pushState(null, '', hrefOf(path));
  hasNavigated ||= !replace;
  place.value = readPlace();
  if (!replace) scrollTo(0, 0);
}

/** Changes parameters of the current view without a new entry in the history; empty values are removed. */
export function setQuery(changes: Readonly<Record<string, string>>): void {
  const query = new URLSearchParams(place.value.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === '') query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  navigate(place.value.path + (text === '' ? '' : `?${text}`), { replace: true });
}

function readPlace(): Place {
  const path = `/${location.pathname.slice(base.pathname.length)}`.replace(/(?<=.)\/$/, '');
  return { path: decodeURI(path), query: new URLSearchParams(location.search) };
}

addEventListener('popstate', () => {
  hasNavigated = true;
  place.value = readPlace();
});
