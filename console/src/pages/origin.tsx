import type { Schemas } from '../api.ts';
import { AccountLink, Link } from '../components/link.tsx';

type Origin = Pick<
  Schemas['AccountEvent'],
  'kind' | 'id' | 'changeType' | 'commitUser' | 'changeOrigin' | 'resyncId' | 'transactionKey'
>;

/** Who made a change: a user and a client in Salesforce, or a read. */
export function OriginOf({ change }: { readonly change: Origin }) {
  const { kind, id, changeType, commitUser, changeOrigin, resyncId } = change;
  if (kind === 'folded') return <>earlier changes, no longer stored individually</>;
  if (kind === 'reading') {
    return resyncId === null ? (
      <>read from Salesforce</>
    ) : (
      <Link to={`/resyncs/${resyncId}`}>read by a resync</Link>
    );
  }
  return (
    <>
      {id === null ? changeType : <Link to={`/events/${id}`}>{changeType ?? 'event'}</Link>} by{' '}
      <span class="id">{commitUser ?? 'unknown'}</span>
      {changeOrigin !== null && changeOrigin !== '' && <span class="quiet"> {clientOf(changeOrigin)}</span>}
    </>
  );
}

/** `com/salesforce/api/rest/66.0;client=Import` is displayed as `REST 66.0, Import`. */
export function clientOf(origin: string): string {
  const [, kind = '', version = '', client = ''] =
    /^com\/salesforce\/api\/([^/;]+)\/?([^;]*)(?:;client=(.*))?$/.exec(origin) ?? [];
  if (kind === '') return origin;
  return [`${kind.toUpperCase()} ${version}`.trim(), client].filter(Boolean).join(', ');
}

const maxLinks = 5;

/** The records of an event; only accounts have a view. */
export function Records({ ids }: { readonly ids: readonly string[] }) {
  return (
    <>
      {ids.slice(0, maxLinks).map((id) => (
        <div key={id}>{id.startsWith('001') ? <AccountLink id={id} /> : <span class="id">{id}</span>}</div>
      ))}
      {ids.length > maxLinks && <div class="quiet">{ids.length - maxLinks} more</div>}
    </>
  );
}
