import { useState } from 'preact/hooks';
import { api, body, type Schemas } from '../api.ts';
import { Dialog } from '../components/dialog.tsx';
import { Section } from '../components/page.tsx';
import { PagedTable } from '../components/paged-table.tsx';
import { Table } from '../components/table.tsx';
import { Moment } from '../components/time.tsx';
import { formatValue } from '../format.ts';
import { OriginOf } from './origin.tsx';

type FieldWrite = Schemas['FieldWrite'];

/** The mirrored fields; each leads to what wrote it. */
export function AccountFields({ account }: { readonly account: Schemas['Account'] }) {
  const [shown, setShown] = useState<string>();
  const [hasEmpty, setHasEmpty] = useState(false);
  const all = flatten({ Name: account.name, ...account.fields });
  const rows = all.filter(([, value]) => hasEmpty || value !== null);
  const emptyCount = all.filter(([, value]) => value === null).length;
  return (
    <Section
      title="Fields"
      actions={
        <button type="button" aria-pressed={hasEmpty} onClick={() => setHasEmpty(!hasEmpty)}>
          {hasEmpty ? 'Hide empty fields' : `Show ${emptyCount} empty fields`}
        </button>
      }
    >
      <Table
        label="Fields"
        rows={rows}
        keyOf={([name]) => name}
        empty="No field has a value."
        columns={[
          { head: 'Field', cell: ([name]) => name },
          { head: 'Value', cell: ([, value]) => formatValue(value) },
          {
            head: 'Written by',
            cell: ([name]) => (
              <button type="button" class="link" onClick={() => setShown(name)}>
                Who wrote it?<span class="hidden"> {name}</span>
              </button>
            ),
          },
        ]}
      />
      {shown !== undefined && (
        <Dialog title={`Who wrote ${shown}?`} onClose={() => setShown(undefined)}>
          <FieldWrites id={account.id} name={shown} />
          <div class="actions">
            <button type="button" onClick={() => setShown(undefined)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </Section>
  );
}

function FieldWrites({ id, name }: { readonly id: string; readonly name: string }) {
  return (
    <PagedTable<FieldWrite>
      label={`Writes of ${name}`}
      listKey={[id, name]}
      limit={10}
      read={(paging, signal) =>
        body(
          api.GET('/v1/accounts/{id}/fields/{name}/history', {
            signal,
            params: { path: { id, name }, query: paging },
          }),
        )
      }
      keyOf={({ version }) => version}
      empty="The history of this account has no write of this field."
      columns={[
        { head: 'When', cell: ({ commitTimestamp }) => <Moment time={commitTimestamp} /> },
        { head: 'Value', cell: ({ after }) => formatValue(after) },
        { head: 'By', cell: (write) => <OriginOf change={write} /> },
      ]}
    />
  );
}

/** Parts of compound fields as `BillingAddress.City`, in alphabetical order. */
function flatten(fields: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
  return Object.entries(fields)
    .flatMap(([name, value]): (readonly [string, unknown])[] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).map(([part, inner]) => [`${name}.${part}`, inner ?? null] as const)
        : [[name, value ?? null]],
    )
    .sort(([a], [b]) => a.localeCompare(b));
}
