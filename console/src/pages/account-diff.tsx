import { useState } from 'preact/hooks';
import { api, body, type Schemas } from '../api.ts';
import { TextField } from '../components/field.tsx';
import { Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { useQuery } from '../query.ts';
import { Changes } from './account-history.tsx';

/** What changed between two times, whatever changed in between. */
export function AccountDiff({ id }: { readonly id: string }) {
  const [from, setFrom] = useState(() => toLocal(Date.now() - 86_400_000));
  const [to, setTo] = useState('');
  const diff = useQuery<Schemas['AccountDiff'] | null>(
    async (signal) => {
      if (from === '') return null;
      const query = { from: toUtc(from), ...(to !== '' && { to: toUtc(to) }) };
      return body(api.GET('/v1/accounts/{id}/diff', { signal, params: { path: { id }, query } }));
    },
    [id, from, to],
  );
  return (
    <Section title="Difference between two times">
      <div class="inline-form">
        <TextField label="From" type="datetime-local" value={from} onChange={setFrom} />
        <TextField label="To (empty: now)" type="datetime-local" value={to} onChange={setTo} />
      </div>
      <QueryView query={diff}>
        {(found) =>
          found === null ? <p class="empty">Choose a time.</p> : <Changes changes={found.changes} />
        }
      </QueryView>
    </Section>
  );
}

/** The value of a `datetime-local` input. */
function toLocal(at: number): string {
  const date = new Date(at);
  return new Date(at - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toUtc(local: string): string {
  return new Date(local).toISOString();
}
