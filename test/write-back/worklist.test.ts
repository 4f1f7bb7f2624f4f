import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Code, decideCode, noCode } from '../../src/codes/signup-code.ts';
import { defaultRetryPolicy, judgeResult, type RecordResult } from '../../src/write-back/judge-result.ts';
import { mayWrite } from '../../src/write-back/write-batch.ts';
import { runs } from '../helpers/property.ts';

const at = '2026-11-23T08:00:00.000Z';

/**
 * One account on its way, with every step apart: what is applied, read, sent, carried out, answered and echoed happens
 * in any order, and each writer can stop anywhere. A writer that is considered dead continues next to its successor.
 */
function createLife(taken: ReadonlySet<number>) {
  let made = 0;
  const generate = (): string => `C${++made}`;
  let code: Code = noCode;
  let tries = 0;
  let refusals = 0;
  // Salesforce.
  let held: string | null = null;
  const written: string[] = [];
  const echoes: (string | null)[] = [];
  // What the mirror has seen of it.
  let seen: string | null = null;
  const writers: Writer[] = [{}, {}];

  const learn = (now: string | null, eligible: boolean): void => {
    code = decideCode(
      {
        before: code,
        heldBefore: seen,
        held: now,
        knowledge: { by: 'none' },
        deleted: false,
        eligible,
        restore: false,
        at,
      },
      generate,
    );
    seen = now;
  };
  const isPending = (sent: string): boolean => code.state === 'pending' && code.signupCode === sent;

  const steps = {
    apply: () => learn(seen, true),
    echo() {
      const next = echoes.shift();
      if (next !== undefined) learn(next, false);
    },
    read(writer: Writer) {
      if (code.state !== 'pending' || code.signupCode === null) return;
      if (mayWrite(held, code.signupCode, [])) writer.reading = code.signupCode;
      else if (held !== null) learn(held, false);
    },
    send(writer: Writer) {
      if (writer.reading === undefined || !isPending(writer.reading)) return;
      writer.sent = { code: writer.reading };
      writer.reading = undefined;
    },
    carryOut(writer: Writer, locked: boolean) {
      const { sent } = writer;
      if (sent === undefined || sent.result !== undefined) return;
      if (locked) sent.result = { success: false, code: 'UNABLE_TO_LOCK_ROW', message: '', fields: [] };
      else if (taken.has(Number(sent.code.slice(1))))
        sent.result = { success: false, code: 'DUPLICATE_VALUE', message: '', fields: [] };
      else {
        held = sent.code;
        written.push(sent.code);
        echoes.push(sent.code);
        sent.result = { success: true };
      }
    },
    answer(writer: Writer) {
      const { sent } = writer;
      if (sent?.result === undefined) return;
      writer.sent = undefined;
      if (!isPending(sent.code)) return;
      const outcome = judgeResult({ id: 'A', code: sent.code, tries, refusals }, sent.result, {
        random: 0,
        generate,
        at,
        retryPolicy: defaultRetryPolicy,
        field: 'SignUpCode__c',
      });
      code = { signupCode: outcome.code, state: outcome.state, error: outcome.error };
      ({ tries, refusals } = outcome);
    },
    crash(writer: Writer) {
      writer.reading = undefined;
      // A request in flight may still arrive, but its response is lost.
      if (writer.sent?.result !== undefined) writer.sent = undefined;
    },
  };
  return { steps, writers, end: () => ({ code, held, written }) };
}

type Writer = { reading?: string | undefined; sent?: { code: string; result?: RecordResult } | undefined };

const step = fc.tuple(
  fc.constantFrom('apply', 'echo', 'read', 'send', 'carryOut', 'answer', 'crash'),
  fc.integer({ min: 0, max: 1 }),
  fc.boolean(),
);

describe('the code of an account in any order of events, reads and results', () => {
  it('a written code never changes and both sides end with the same code', () => {
    let changedBefore = 0;
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60, size: 'max' }),
        fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
        (life, taken) => {
          const { steps, writers, end } = createLife(new Set(taken));
          const run = (name: keyof typeof steps, place: number, locked: boolean): void =>
            steps[name](writers[place] ?? {}, locked);
          steps.apply();
          for (const [name, place, locked] of life) run(name, place, locked);
          expect(new Set(end().written).size).toBeLessThanOrEqual(1);
          // Without further faults, the code is confirmed.
          for (let round = 0; round < 12; round++) {
            for (const name of ['read', 'send', 'carryOut', 'answer', 'echo'] as const) {
              run(name, 0, false);
              run(name, 1, false);
            }
          }
          const { code, held, written } = end();
          expect(new Set(written).size).toBe(1);
          expect(code).toEqual({ signupCode: held, state: 'confirmed', error: null });
          if (held !== 'C1') changedBefore++;
        },
      ),
      runs,
    );
    // Codes that were refused as taken, and so never written, did change.
    expect(changedBefore).toBeGreaterThan(0);
  });
});
