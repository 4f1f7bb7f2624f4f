import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type LiveState, liveState } from '../live.ts';
import { hasSimulator } from '../load-session.ts';
import { hrefOf, place } from '../router.ts';
import { caller, signOut } from '../session.ts';
import { Link } from './link.tsx';
import { Notices } from './notices.tsx';

const pages = [
  ['/', 'Overview'],
  ['/accounts', 'Accounts'],
  ['/codes', 'Codes'],
  ['/incidents', 'Incidents'],
  ['/resyncs', 'Resyncs'],
  ['/events', 'Events'],
  ['/system', 'System'],
] as const;

/** The frame of all views: navigation, the content, notices. */
export function Layout({ children }: { readonly children: ComponentChildren }) {
  const [isOpen, setOpen] = useState(false);
  const { path } = place.value;
  const shown = hasSimulator.value ? [...pages, ['/salesforce-simulator', 'Simulator'] as const] : pages;
  const isCurrent = (to: string): boolean => (to === '/' ? path === '/' : path.split('/')[1] === to.slice(1));
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header class="side">
        <div class="brand">
          <Logo />
          <span>Tidemark</span>
          <button
            type="button"
            class="menu"
            aria-expanded={isOpen}
            aria-controls="pages"
            onClick={() => setOpen(!isOpen)}
          >
            Menu
          </button>
        </div>
        <nav id="pages" class={isOpen ? 'is-open' : ''} aria-label="Pages">
          <ul>
            {shown.map(([to, label]) => (
              <li key={to}>
                <Link to={to} isCurrent={isCurrent(to)} onFollow={() => setOpen(false)}>
                  {label}
                </Link>
              </li>
            ))}
            <li>
              <a href={hrefOf('/docs')}>API documentation</a>
            </li>
          </ul>
          <div class="session">
            <p>
              <Live state={liveState.value} />
            </p>
            <p class="quiet">
              Key <b>{caller.value?.name ?? '…'}</b>
              <br />
              {caller.value?.scopes.join(', ')}
            </p>
            <button type="button" onClick={() => signOut()}>
              Sign out
            </button>
          </div>
        </nav>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Notices />
    </>
  );
}

function Live({ state }: { readonly state: LiveState }) {
  const texts = {
    open: 'Live',
    connecting: 'Connecting…',
    interrupted: 'Not live: reconnecting…',
  } as const satisfies Record<LiveState, string>;
  return <span class={`live ${state}`}>{texts[state]}</span>;
}

export function Logo() {
  return (
    <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <rect width="16" height="16" rx="3" fill="var(--accent)" />
      <path d="M2 6q3-3 6 0t6 0M2 11q3-3 6 0t6 0" fill="none" stroke="var(--paper)" stroke-width="1.6" />
    </svg>
  );
}
