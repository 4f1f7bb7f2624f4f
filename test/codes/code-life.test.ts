import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Change, emptyState, fieldVersion, type Merged, merge } from '../../src/apply/merge.ts';
import {
  eventVersion,
  isReadVersion,
  laterVersion,
  readVersion,
  type Version,
  zeroVersion,
} from '../../src/apply/version.ts';
import { heldCode, knowledgeOf } from '../../src/codes/code-knowledge.ts';
import { acceptWrite, type Code, decideCode, noCode } from '../../src/codes/signup-code.ts';
import { mayWrite } from '../../src/write-back/write-batch.ts';
import { runs } from '../helpers/property.ts';

const field = 'SignUpCode__c';
const at = '2026-11-23T08:00:00.000Z';
// Salesforce stamps commits by the second, and several of them fall into one.
const second = 5;

/**
 * One account in Salesforce and in the mirror. People set and clear the field, codes are written, and every event can
 * be lost; reads are sent, served and applied at different times, and so are the responses to writes.
 */
function createLife(restore: boolean) {
  let clock = 100;
  let commits = 0n;
  let made = 0;
  // Salesforce.
  let held: string | null = null;
  let modified = 0;
  const writes: { readonly before: string | null; readonly code: string }[] = [];
  const events: Change[] = [];
  // The mirror.
  let merged: Merged = emptyState;
  let watermark: Version = zeroVersion;
  let code: Code = noCode;
  let answer: { readonly code: string; readonly base: Version; readonly at: number } | undefined;
  let read: { readonly sentAt: number; readonly watermark: Version; change?: Change } | undefined;

  const stamp = (): number => Math.floor(clock / second) * second;
  const commit = (value: string | null, kind: Change['kind']): void => {
    held = value;
    modified = stamp();
    const version = eventVersion({ commitTimestamp: modified, commitNumber: ++commits, sequenceNumber: 1 });
    events.push({ version, kind, values: new Map([[field, value]]) });
  };
  const learn = (change: Change, eligible = false): void => {
    const before = merged;
    merged = merge(before, change);
    const situation = {
      before: code,
      heldBefore: heldCode(before, field),
      held: heldCode(merged, field),
      knowledge: knowledgeOf(change, merged, field),
      deleted: false,
      eligible,
      restore,
      at,
    };
    code = decideCode(situation, () => `OURS-${++made}`);
  };
  const wholeRecord = (sentAt: number, known: Version): Change => ({
    version: readVersion(modified, known, sentAt),
    kind: 'snapshot',
    values: new Map([
      [field, held],
      ['Name', 'Life Ltd'],
    ]),
  });

  const steps = {
    set: () => commit(`BY-HAND-${clock}`, 'patch'),
    clear: () => {
      if (held !== null) commit(null, 'patch');
    },
    deliver() {
      const change = events.shift();
      if (change === undefined) return;
      watermark = laterVersion(watermark, change.version);
      learn(change, change.kind === 'snapshot');
    },
    lose: () => {
      const [next] = events;
      if (next?.kind === 'patch') events.shift();
    },
    write() {
      if (code.state !== 'pending' || code.signupCode === null || answer !== undefined) return;
      const base = readVersion(modified, watermark, clock);
      if (!mayWrite(held, code.signupCode, [])) {
        learn({ version: base, kind: 'patch', values: new Map([[field, held]]) });
        return;
      }
      writes.push({ before: held, code: code.signupCode });
      clock++;
      commit(code.signupCode, 'patch');
      answer = { code: code.signupCode, base, at: clock };
    },
    answer() {
      const given = answer;
      answer = undefined;
      if (given === undefined || code.state !== 'pending' || code.signupCode !== given.code) return;
      const version = fieldVersion(merged, field);
      const by = isReadVersion(version) ? 'read' : merged.fieldVersions.has(field) ? 'event' : 'record';
      const mirror = { held: heldCode(merged, field), knowledge: { by, version }, restore } as const;
      code = acceptWrite(code, given, mirror);
    },
    lostAnswer: () => {
      answer = undefined;
    },
    send: () => {
      read ??= { sentAt: clock, watermark };
    },
    serve: () => {
      if (read !== undefined) read.change ??= wholeRecord(read.sentAt, read.watermark);
    },
    apply() {
      if (read?.change === undefined) return;
      learn(read.change);
      read = undefined;
    },
  };
  return {
    begin: () => commit(null, 'snapshot'),
    run(name: keyof typeof steps) {
      clock++;
      steps[name]();
    },
    end: () => ({ code, held, writes, made }),
  };
}

const names = [
  'set',
  'clear',
  'deliver',
  'lose',
  'write',
  'answer',
  'lostAnswer',
  'send',
  'serve',
  'apply',
] as const;

const step = fc.constantFrom(...names, 'deliver' as const, 'write' as const, 'answer' as const);

describe('the code of an account whose events can be lost', () => {
  it.each([
    ['is given up once it was cleared', false],
    ['comes back once it was cleared', true],
  ])('a code %s, is never a second one, overwrites nothing, and both sides end equal', (_, restore) => {
    const reached = { cleared: 0, confirmed: 0, foreign: 0 };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (life) => {
        const { begin, run, end } = createLife(restore);
        begin();
        for (const name of life) run(name);
        // Without further faults: pending steps end, and one read shows the result.
        for (let round = 0; round < 4; round++) {
          for (const name of ['deliver', 'serve', 'apply', 'answer', 'write', 'answer'] as const) run(name);
        }
        for (let events = 0; events < life.length; events++) run('deliver');
        for (let round = 0; round < 3; round++) {
          for (const name of ['send', 'serve', 'apply', 'write', 'answer', 'deliver'] as const) run(name);
        }
        const { code, held, writes, made } = end();
        expect(made).toBeLessThanOrEqual(1);
        expect(writes.filter(({ before }) => before !== null)).toEqual([]);
        expect(code.signupCode).toBe(held);
        expect(code.state).toBe(held === null ? 'none' : 'confirmed');
        if (held === null) reached.cleared++;
        else if (held.startsWith('OURS')) reached.confirmed++;
        else reached.foreign++;
      }),
      runs,
    );
    expect(reached.confirmed).toBeGreaterThan(0);
    expect(reached.foreign).toBeGreaterThan(0);
    expect(reached.cleared > 0).toBe(!restore);
  });
});
