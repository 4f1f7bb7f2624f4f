import type { Resync } from './follow-resync.ts';

/** The result of a resync, in a few lines. */
export function describeResult(resync: Resync): string {
  const lines = [outcome(resync)];
  if (resync.invalidIds.length > 0) lines.push(`Invalid account ids: ${shorten(resync.invalidIds)}.`);
  if (resync.unknownIds.length > 0) lines.push(`Not in Salesforce: ${shorten(resync.unknownIds)}.`);
  return lines.join('\n');
}

function outcome(resync: Resync): string {
  switch (resync.state) {
    case 'failed':
      return `Failed: ${resync.error ?? 'unknown reason'}`;
    case 'needs-confirmation':
      return `Needs confirmation: ${resync.error ?? 'accounts are not visible'}\nOr: tidemark resyncs confirm ${resync.id}`;
    case 'cancelled':
      return `Cancelled after ${resync.read} accounts; what was read stays.`;
    default:
      return resync.verification === null
        ? describeRepair(resync)
        : describeComparison(resync, resync.verification);
  }
}

function describeRepair({
  read,
  created,
  updated,
  unchanged,
  kept,
  deleted,
  notVisible,
  failed,
}: Resync): string {
  const counts = [
    `${read} read`,
    `${created} new`,
    `${updated} overwritten`,
    `${unchanged} equal`,
    ...(kept === 0 ? [] : [`${kept} kept (newer here)`]),
    `${deleted} deleted${notVisible === 0 ? '' : ` (${notVisible} without proof: not visible)`}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ];
  return `Done: ${counts.join(', ')}.`;
}

function describeComparison({ repairs, mode }: Resync, found: NonNullable<Resync['verification']>): string {
  const { different, byKind, byField, examples = [] } = found;
  if (different === 0) {
    return mode === 'sample'
      ? `Done: no difference found; ${found.compared} accounts were compared one by one.`
      : `Done: ${found.compared} accounts compared, all equal.`;
  }
  const fields = Object.entries(byField).map(([field, count]) => `${field} ${count}`);
  const kinds = [
    `${byKind.missing} missing here`,
    `${byKind.extra} not in Salesforce`,
    ...(byKind.notVisible === 0 ? [] : [`${byKind.notVisible} not visible`]),
    `${byKind.fields} with other values${fields.length === 0 ? '' : ` (${shorten(fields)})`}`,
  ];
  const shown = examples.slice(0, 5).map(({ accountId, kind, fields }) => {
    const names = Object.keys(fields);
    return `  ${accountId} ${kind}${names.length === 0 ? '' : `: ${shorten(names)}`}`;
  });
  const head = `Done: ${found.compared} accounts compared, ${different} differ${repairs ? ' and were repaired' : ''}: ${kinds.join(', ')}.`;
  return [head, ...shown].join('\n');
}

function shorten(texts: readonly string[]): string {
  const shown = texts.slice(0, 5).join(', ');
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
