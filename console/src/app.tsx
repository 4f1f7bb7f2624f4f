import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { Layout } from './components/layout.tsx';
import { Link } from './components/link.tsx';
import { Page } from './components/page.tsx';
import { loadSession } from './load-session.ts';
import { AccountPage } from './pages/account.tsx';
import { AccountsPage } from './pages/accounts.tsx';
import { CodesPage } from './pages/codes.tsx';
import { EventPage } from './pages/event.tsx';
import { EventsPage } from './pages/events.tsx';
import { IncidentsPage } from './pages/incidents.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ResyncPage } from './pages/resync.tsx';
import { ResyncsPage } from './pages/resyncs.tsx';
import { SignInPage } from './pages/sign-in.tsx';
import { SimulatorPage } from './pages/simulator.tsx';
import { SystemPage } from './pages/system.tsx';
import { TransactionPage } from './pages/transaction.tsx';
import { place } from './router.ts';
import { apiKey, caller } from './session.ts';

/** The views by path. `src/http/plugins/console-pages.ts` of the service has the same paths. */
const views: readonly (readonly [RegExp, (id: string) => ComponentChildren])[] = [
  [/^\/$/, () => <OverviewPage />],
  [/^\/accounts$/, () => <AccountsPage />],
  [/^\/accounts\/([^/]+)$/, (id) => <AccountPage id={id} />],
  [/^\/codes$/, () => <CodesPage />],
  [/^\/incidents$/, () => <IncidentsPage />],
  [/^\/resyncs$/, () => <ResyncsPage />],
  [/^\/resyncs\/([^/]+)$/, (id) => <ResyncPage id={id} />],
  [/^\/events$/, () => <EventsPage />],
  [/^\/events\/([^/]+)$/, (id) => <EventPage id={id} />],
  [/^\/transactions\/([^/]+)$/, (id) => <TransactionPage id={id} />],
  [/^\/system$/, () => <SystemPage />],
  [/^\/salesforce-simulator$/, () => <SimulatorPage />],
];

export function App() {
  const hasKey = apiKey.value !== '';
  useEffect(() => (hasKey ? loadSession() : undefined), [hasKey]);
  if (!hasKey) return <SignInPage />;
  const { path } = place.value;
  return (
    <Layout>
      <div key={path}>{caller.value === undefined ? <p class="quiet">Signing in…</p> : viewOf(path)}</div>
    </Layout>
  );
}

function viewOf(path: string): ComponentChildren {
  for (const [pattern, view] of views) {
    const match = pattern.exec(path);
    if (match !== null) return view(match[1] ?? '');
  }
  return (
    <Page title="Not found">
      <p>
        The console has no view at <code>{path}</code>. <Link to="/">Go to the overview</Link>
      </p>
    </Page>
  );
}
