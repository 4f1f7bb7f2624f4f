import fc from 'fast-check';
import { type Change, deletedField } from '../../src/apply/merge.ts';
import { laterVersion, readVersion, type Version, zeroVersion } from '../../src/apply/version.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';

/**
 * A random life of one account in Salesforce, and what reaches the mirror of it: events with delays, gaps without
 * values, readings at random moments with the watermark of that moment, some of which do not know some of the fields.
 * All gaps are repaired in the end.
 */
export const accountHistory: fc.Arbitrary<History> = fc
  .array(
    fc.record({
      kind: fc.constantFrom(
        'update',
        'update',
        'update',
        'gap',
        'delete',
        'undelete',
        'read',
        'partial read',
        'field read',
      ),
      // Many commits share a second, as stamps have no finer grain.
      seconds: fc.constantFrom(0, 0, 0, 1, 2),
      sameTransaction: fc.boolean(),
      writes: fc.dictionary(fc.constantFrom(...paths()), value(), { minKeys: 1, maxKeys: 3 }),
      /** How many steps later the event arrives. */
      delay: fc.nat(4),
    }),
    { maxLength: 25 },
  )
  .map((steps) => live(steps));

function paths(): string[] {
  return ['Name', 'Industry', 'BillingAddress.City', 'BillingAddress.Street', 'SignUpCode__c'];
}

function value(): fc.Arbitrary<Scalar> {
  return fc.constantFrom<Scalar>(null, 'a', 'b', 'c', 1, true);
}

function live(steps: readonly Step[]): History {
  const org = { time: 1_790_000_000_000, commit: 10n ** 18n, sequence: 0, modified: 0 };
  const state = new Map<string, Scalar>();
  const arrivals: Arrival[] = [];
  const states: State[] = [];
  const inOrder: Change[] = [];
  let watermark: Version = zeroVersion;
  let readAt = org.time;
  let gapOpen = false;
  const happen = (
    kind: Change['kind'],
    written: ReadonlyMap<string, Scalar>,
    told: boolean,
    at: number,
  ): void => {
    for (const [path, content] of written) state.set(path, content);
    org.modified = org.time;
    const version: Version = [org.time, org.commit, org.sequence, 0];
    const change = { version, kind, values: told ? new Map(written) : new Map<string, Scalar>() };
    arrivals.push({ at, change });
    inOrder.push(change);
    states.push(new Map(state));
  };
  const arriveUntil = (moment: number): void => {
    for (const { at, change } of arrivals)
      if (at <= moment) watermark = laterVersion(watermark, change.version);
  };
  const read = (moment: number, unreadFields: ReadonlySet<string> = new Set()): void => {
    arriveUntil(moment);
    readAt += 1;
    const version = readVersion(org.modified, watermark, readAt);
    const values = new Map([...state].filter(([path]) => !unreadFields.has(path.split('.')[0] ?? '')));
    arrivals.push({ at: moment, change: { version, kind: 'snapshot', values, unreadFields } });
  };
  const readFields = (moment: number, fields: ReadonlySet<string>): void => {
    arriveUntil(moment);
    readAt += 1;
    const read = paths().filter((path) => fields.has(path.split('.')[0] ?? ''));
    const values = new Map(read.map((path) => [path, state.get(path) ?? null]));
    const version = readVersion(org.modified, watermark, readAt);
    arrivals.push({ at: moment, change: { version, kind: 'patch', values, readFields: fields } });
  };
  const full = (): Map<string, Scalar> =>
    new Map([...paths().map((path) => [path, state.get(path) ?? null] as const), [deletedField, false]]);

  org.sequence = 1;
  happen(
    'snapshot',
    new Map<string, Scalar>([...paths().map((path) => [path, 'a'] as const), [deletedField, false]]),
    true,
    0,
  );
  steps.forEach(({ kind, seconds, sameTransaction, writes, delay }, index) => {
    const moment = index + 1;
    if (kind === 'read' || kind === 'partial read') {
      // A read that started before these fields were added to the object.
      const unknown = Object.keys(writes).map((path) => path.split('.')[0] ?? '');
      read(moment, new Set(kind === 'read' ? [] : unknown));
      return;
    }
    if (kind === 'field read') {
      readFields(moment, new Set(Object.keys(writes).map((path) => path.split('.')[0] ?? '')));
      return;
    }
    if (sameTransaction) org.sequence += 1;
    else Object.assign(org, { time: org.time + seconds * 1000, commit: org.commit + 1n, sequence: 1 });
    const deleted = state.get(deletedField) === true;
    if (kind === 'delete' && !deleted) happen('patch', new Map([[deletedField, true]]), true, moment + delay);
    if (kind === 'undelete' && deleted) {
      state.set(deletedField, false);
      happen('snapshot', full(), true, moment + delay);
    }
    if ((kind === 'update' || kind === 'gap') && !deleted) {
      gapOpen ||= kind === 'gap';
      happen('patch', new Map(Object.entries(writes)), kind === 'update', moment + delay);
    }
  });
  if (gapOpen) read(steps.length + 10);
  return {
    final: new Map(state),
    changes: arrivals.toSorted((a, b) => a.at - b.at).map(({ change }) => change),
    inOrder,
    states,
    hasGaps: gapOpen,
  };
}

type Step = {
  readonly kind: string;
  readonly seconds: number;
  readonly sameTransaction: boolean;
  readonly writes: Readonly<Record<string, Scalar>>;
  readonly delay: number;
};
type Arrival = { readonly at: number; readonly change: Change };
type State = ReadonlyMap<string, Scalar>;

export type History = {
  /** What Salesforce holds in the end. */
  readonly final: State;
  /** Events and reads in the order of their arrival. */
  readonly changes: readonly Change[];
  /** The events alone, in the order of their commits, and the state of the account after each. */
  readonly inOrder: readonly Change[];
  readonly states: readonly State[];
  /** Whether some events brought no values. */
  readonly hasGaps: boolean;
};
