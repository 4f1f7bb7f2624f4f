import { createHash } from 'node:crypto';

/**
 * The diff of a long text in a change event: a unified diff whose second line has the SHA-256 of the new text.
 * Undefined if Salesforce sends the text itself: below 1,000 characters, if more than a quarter of the lines
 * changed, or if the diff is longer than half the text.
 * Source: "Send Data Differences for Fields in Update Events", Change Data Capture guide.
 */
export function textDiff(before: string, after: string): string | undefined {
  if (after.length < MIN_TEXT_LENGTH) return undefined;
  const [old, next] = [before.split('\n'), after.split('\n')];
  const edits = editsBetween(old, next);
  const changed = edits.reduce((sum, { added, removed }) => sum + Math.max(added.length, removed), 0);
  if (changed > next.length / 4) return undefined;
  const hash = createHash('sha256').update(after).digest('hex');
  const diff = ['--- ', `+++ ${hash}`, ...hunks(old, edits)].join('\n');
  return diff.length > after.length / 2 ? undefined : diff;
}

/** The replaced lines between the lines that both texts share. */
function editsBetween(old: readonly string[], next: readonly string[]): Edit[] {
  const shared = sharedLines(old, next);
  const edits: Edit[] = [];
  let [at, to] = [0, 0];
  for (const [oldLine, newLine] of [...shared, [old.length, next.length] as const]) {
    if (oldLine > at || newLine > to) {
      edits.push({ at, removed: oldLine - at, to, added: next.slice(to, newLine) });
    }
    [at, to] = [oldLine + 1, newLine + 1];
  }
  return edits;
}

/** The longest common subsequence of lines as pairs of line numbers; the middle of large texts counts as replaced. */
function sharedLines(old: readonly string[], next: readonly string[]): (readonly [number, number])[] {
  const shorter = Math.min(old.length, next.length);
  let start = 0;
  while (start < shorter && old[start] === next[start]) start += 1;
  let end = 0;
  while (end < shorter - start && old.at(-1 - end) === next.at(-1 - end)) end += 1;
  const head = Array.from({ length: start }, (_, line) => [line, line] as const);
  const tail = Array.from(
    { length: end },
    (_, line) => [old.length - end + line, next.length - end + line] as const,
  );
  const middle = commonLines(old.slice(start, old.length - end), next.slice(start, next.length - end));
  return [...head, ...middle.map(([from, to]) => [from + start, to + start] as const), ...tail];
}

function commonLines(old: readonly string[], next: readonly string[]): (readonly [number, number])[] {
  if (old.length * next.length > MAX_TABLE_CELLS) return [];
  const width = next.length + 1;
  const lengths = new Uint32Array((old.length + 1) * width);
  const lengthAt = (from: number, to: number) => lengths[from * width + to] ?? 0;
  for (let from = old.length - 1; from >= 0; from -= 1) {
    for (let to = next.length - 1; to >= 0; to -= 1) {
      lengths[from * width + to] =
        old[from] === next[to]
          ? lengthAt(from + 1, to + 1) + 1
          : Math.max(lengthAt(from + 1, to), lengthAt(from, to + 1));
    }
  }
  const pairs: (readonly [number, number])[] = [];
  for (let [from, to] = [0, 0]; from < old.length && to < next.length; ) {
    if (old[from] === next[to]) pairs.push([from++, to++]);
    else if (lengthAt(from + 1, to) >= lengthAt(from, to + 1)) from += 1;
    else to += 1;
  }
  return pairs;
}

/** Edits with three lines of context; adjacent ones share a hunk. */
function hunks(old: readonly string[], edits: readonly Edit[]): string[] {
  const groups: Edit[][] = [];
  for (const edit of edits) {
    const last = groups.at(-1)?.at(-1);
    if (last !== undefined && edit.at - (last.at + last.removed) <= 2 * CONTEXT) groups.at(-1)?.push(edit);
    else groups.push([edit]);
  }
  return groups.flatMap((group) => hunk(old, group));
}

function hunk(old: readonly string[], group: readonly Edit[]): string[] {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) return [];
  const start = Math.max(0, first.at - CONTEXT);
  const end = Math.min(old.length, last.at + last.removed + CONTEXT);
  const lines: string[] = [];
  let at = start;
  for (const edit of group) {
    lines.push(...old.slice(at, edit.at).map((line) => ` ${line}`));
    at = edit.at + edit.removed;
    lines.push(...old.slice(edit.at, at).map((line) => `-${line}`), ...edit.added.map((line) => `+${line}`));
  }
  lines.push(...old.slice(at, end).map((line) => ` ${line}`));
  const count = lines.filter((line) => !line.startsWith('-')).length;
  return [`@@ -${range(start, end - start)} +${range(first.to - (first.at - start), count)} @@`, ...lines];
}

/** Lines count from 1; an empty range names the line before it. */
function range(start: number, count: number): string {
  return `${count === 0 ? start : start + 1},${count}`;
}

const MIN_TEXT_LENGTH = 1000;
const CONTEXT = 3;
const MAX_TABLE_CELLS = 4_000_000;

/** The `added` lines at the new line `to` replace `removed` lines at the old line `at`. */
type Edit = {
  readonly at: number;
  readonly removed: number;
  readonly to: number;
  readonly added: readonly string[];
};
