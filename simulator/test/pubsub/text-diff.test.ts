import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createOrg } from '../../src/org/org.ts';
import { textDiff } from '../../src/pubsub/text-diff.ts';
import { admin } from '../org/callers.ts';
import { decodeEvents } from './decode-events.ts';

const lines = Array.from({ length: 60 }, (_, line) => `Line ${line} of a description that is long enough`);
const text = lines.join('\n');

/** Applies a unified diff the way a subscriber would, and checks its hash. */
function apply(before: string, diff: string): string {
  const [, hash = '', ...rest] = diff.split('\n');
  const old = before.split('\n');
  const result: string[] = [];
  let at = 0;
  for (const line of rest) {
    const hunk = /^@@ -(\d+),(\d+) \+(\d+),\d+ @@$/.exec(line);
    if (hunk) {
      const start = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      result.push(...old.slice(at, start));
      at = start;
      expect(result.length + 1).toBe(Number(hunk[3]));
    } else if (line.startsWith('+')) {
      result.push(line.slice(1));
    } else {
      expect(old[at]).toBe(line.slice(1));
      if (line.startsWith(' ')) result.push(line.slice(1));
      at += 1;
    }
  }
  const after = [...result, ...old.slice(at)].join('\n');
  expect(hash).toBe(`+++ ${createHash('sha256').update(after).digest('hex')}`);
  return after;
}

describe('diffs of long texts', () => {
  it('a diff has one hunk per place with three lines of context', () => {
    const after = lines.with(10, 'Changed').toSpliced(40, 0, 'Added').join('\n');
    const diff = textDiff(text, after) ?? '';
    expect(diff.split('\n').filter((line) => /^(@@|[+-])/.test(line))).toEqual([
      '--- ',
      expect.stringMatching(/^\+\+\+ [0-9a-f]{64}$/),
      '@@ -8,7 +8,7 @@',
      `-${lines[10]}`,
      '+Changed',
      '@@ -38,6 +38,7 @@',
      '+Added',
    ]);
    expect(apply(text, diff)).toBe(after);
  });

  it('applying a diff to the old text gives the new one', () => {
    const edit = fc.record({
      at: fc.nat(59),
      removed: fc.nat(3),
      added: fc.array(fc.constantFrom('', 'x', 'Zeile\r', ' +', lines[5] ?? ''), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 5 }), (edits) => {
        const after = edits
          .reduce((all, { added, at, removed }) => all.toSpliced(at, removed, ...added), lines)
          .join('\n');
        const diff = textDiff(text, after);
        if (diff !== undefined) expect(apply(text, diff)).toBe(after);
      }),
    );
  });

  it.each([
    ['the text is short', 'a\nb\nc', 'a\nb\nd'],
    ['most lines changed', text, text.replaceAll('description', 'story')],
    ['it is one line', 'x'.repeat(2000), `${'x'.repeat(2000)}y`],
    [
      'it would be long',
      `${'x'.repeat(5)}\n${'y'.repeat(2000)}\na\nb\nc`,
      `${'x'.repeat(5)}\n${'z'.repeat(2000)}\na\nb\nc`,
    ],
  ])('a diff is not sent when %s', (_case, before, after) => {
    expect(textDiff(before, after)).toBeUndefined();
  });
});

describe('updates of long texts', () => {
  const write = (sendsDiffs: boolean) => {
    const org = createOrg({ diffFields: sendsDiffs });
    const id = org.transaction(admin, (tx) => tx.insert({ Name: 'Long', Description: text })).id ?? '';
    org.transaction(admin, (tx) =>
      tx.update(id, { Description: text.replace('Line 7', 'Row 7'), Phone: '1' }),
    );
    return decodeEvents(org.bus).at(-1);
  };

  it('a long text is sent as a diff, which the header says', () => {
    const event = write(true);
    expect(event?.header).toMatchObject({ diffFields: ['0x010000'], changedFields: ['0x410040'] });
    expect(apply(text, String(event?.fields['Description']))).toBe(text.replace('Line 7', 'Row 7'));
  });

  it('a long text is sent in full if diffs are off', () => {
    const event = write(false);
    expect(event?.header.diffFields).toEqual([]);
    expect(event?.fields['Description']).toBe(text.replace('Line 7', 'Row 7'));
  });
});
