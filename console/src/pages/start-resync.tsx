import { useId, useState } from 'preact/hooks';
import { api, body } from '../api.ts';
import { Action } from '../components/action.tsx';
import { Choice, TextField } from '../components/field.tsx';
import type { paths } from '../generated/api.ts';
import { navigate } from '../router.ts';

type Order = NonNullable<paths['/v1/resyncs']['post']['requestBody']>['content']['application/json'];

/** Starts a resync and opens its view. Returns what was started. */
export async function startResync(order: Order): Promise<string> {
  const { id, state } = await body(api.POST('/v1/resyncs', { body: order }));
  navigate(`/resyncs/${id}`);
  return `The resync is ${state}.`;
}

/** Which accounts to read, and whether to repair or only to compare. */
export function ResyncForm() {
  const [scope, setScope] = useState<string>('all');
  const [mode, setMode] = useState<string>('verify');
  const [since, setSince] = useState('');
  const [ids, setIds] = useState('');
  const idsId = useId();
  const order = (): Order => ({
    scope: scope as 'all',
    mode: mode as 'verify',
    ...(scope === 'since' && since !== '' && { since: new Date(since).toISOString() }),
    ...(scope === 'accounts' && { accountIds: ids.split(/[\s,;]+/).filter(Boolean) }),
  });
  return (
    <div class="inline-form">
      <Choice
        label="Accounts"
        value={scope}
        onChange={setScope}
        options={[
          ['all', 'All accounts'],
          ['since', 'Changed since a time'],
          ['accounts', 'A list of ids'],
        ]}
      />
      <Choice
        label="What to do"
        value={mode}
        onChange={setMode}
        options={[
          ['verify', 'Compare only'],
          ['repair', 'Read and repair'],
          ...(scope === 'all' ? ([['sample', 'Compare a sample']] as const) : []),
        ]}
      />
      {scope === 'since' && (
        <TextField label="Since" type="datetime-local" value={since} onChange={setSince} />
      )}
      {scope === 'accounts' && (
        <div class="field wide">
          <label for={idsId}>Account ids, separated by spaces or lines</label>
          <textarea id={idsId} rows={2} value={ids} onInput={(event) => setIds(event.currentTarget.value)} />
        </div>
      )}
      <Action scope="write" kind="primary" run={() => startResync(order())}>
        Start
      </Action>
    </div>
  );
}
