import type { ComponentChildren } from 'preact';
import type { Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Link } from '../components/link.tsx';
import { Ago } from '../components/time.tsx';
import { formatNumber, formatPercent, plural } from '../format.ts';

type Status = Schemas['Status'];

/** The numbers behind the verdict, each with the view that explains it. */
export function Figures({ status }: { readonly status: Status }) {
  const { subscription, counts, writeBack, backlog, lastVerification, freshness, resyncs } = status;
  const { accounts, incidents, events } = counts;
  const { used, max, reservePercent } = writeBack.api;
  return (
    <div class="figures">
      <Figure title="Stream" value={<State value={subscription.state} />}>
        last event <Ago time={subscription.lastEventAt} none="never" />, {plural(backlog, 'event')} waiting
      </Figure>
      <Figure
        title="Freshness, 24 h"
        value={freshness.minutes === 0 ? '–' : formatPercent(freshness.under5s)}
      >
        {freshness.minutes === 0
          ? 'no minutes measured yet'
          : `of minutes under 5 s; ${formatPercent(freshness.under1s)} under 1 s, ${formatPercent(freshness.under60s)} under 60 s`}
      </Figure>
      <Figure
        title="Last verification"
        value={
          lastVerification === null ? (
            'none'
          ) : (
            <Link to={`/resyncs/${lastVerification.resyncId}`}>
              {plural(lastVerification.different, 'difference')}
            </Link>
          )
        }
      >
        {lastVerification !== null && (
          <>
            in {plural(lastVerification.compared, 'account')}, <Ago time={lastVerification.at} />
            {lastVerification.repaired && ', repaired'}
          </>
        )}
      </Figure>
      <Figure title="Accounts" value={<Link to="/accounts">{formatNumber(accounts.active)}</Link>}>
        {formatNumber(accounts.deleted)} deleted, {formatNumber(accounts.stale)} stale
      </Figure>
      <Figure title="Codes" value={<State value={writeBack.state} />}>
        <Codes states={accounts.byCodeState} />
      </Figure>
      <Figure
        title="Incidents"
        value={<Link to="/incidents">{formatNumber(incidents.open + incidents.repairing)}</Link>}
      >
        {formatNumber(incidents.repairing)} being repaired,{' '}
        <Link to="/incidents">{plural(events.failed, 'failed event')}</Link>
      </Figure>
      <Figure title="API requests today" value={used === null ? '–' : formatNumber(used)}>
        {max === null
          ? 'not reported by Salesforce yet'
          : `of ${formatNumber(max)}; ${reservePercent ?? 0} % are reserved for others`}
      </Figure>
      <Figure title="Resyncs" value={<Link to="/resyncs">{formatNumber(resyncs.length)}</Link>}>
        {resyncs[0] === undefined ? 'none is running' : `${resyncs[0].mode} ${resyncs[0].state}`}
      </Figure>
    </div>
  );
}

function Figure(props: {
  readonly title: string;
  readonly value: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="figure" aria-label={props.title}>
      <h2>{props.title}</h2>
      <p class="value">{props.value}</p>
      <p class="quiet">{props.children}</p>
    </section>
  );
}

function Codes({ states }: { readonly states: Readonly<Record<string, number>> }) {
  return (
    <>
      {Object.entries(states).map(([state, count], index) => (
        <span key={state}>
          {index > 0 && ', '}
          <Link to={`/accounts?codeState=${state}`}>
            {formatNumber(count)} {state}
          </Link>
        </span>
      ))}
    </>
  );
}
