import type { ProblemCode } from '../../src/health/problem.ts';
import { createTranscript, type Transcript } from './situation-transcript.ts';
import type { SituationWorld } from './situation-world.ts';

/** One situation: what is done, what an operator sees, and how it ends. */
export type Situation = {
  readonly title: string;
  readonly shows: Shown;
  play(world: SituationWorld, transcript: Transcript): Promise<void>;
};

/** How an operator notices a situation. */
export type Shown = {
  /** The code of the verdict; null if the process does not start, or continues without a person. */
  readonly reason: ProblemCode | null;
  /** Of the verdict, of the start, or of the log. */
  readonly sentence: string;
  /** Null if nobody has to act. */
  readonly alert: string | null;
};

/** The table of the runbook: a row for each situation, in the order of their numbers. */
export function situationTable(situations: readonly Situation[]): string {
  const order = new Intl.Collator('en', { numeric: true });
  const rows = situations
    .toSorted((a, b) => order.compare(a.title, b.title))
    .map(({ title, shows: { reason, sentence, alert } }) => {
      const entry = reason ?? alert;
      const link = entry === null ? 'none: Tidemark continues' : `[${entry}](#${entry.toLowerCase()})`;
      return `| ${title} | ${sentence} | ${alert === null ? 'none' : `\`${alert}\``} | ${link} |`;
    });
  return ['| situation | sentence | alert | entry |', '|---|---|---|---|', ...rows].join('\n');
}

/** Situations that share a world are played one after another. */
export type SituationGroup = { readonly name: string; readonly situations: readonly Situation[] };

export async function playGroup(world: SituationWorld, { situations }: SituationGroup): Promise<string[]> {
  const texts: string[] = [];
  for (const { title, shows, play } of situations) {
    const transcript = createTranscript(title);
    try {
      await play(world, transcript);
    } catch (error) {
      process.exitCode = 1;
      transcript.did(`The situation could not be played: ${(error as Error).message}`);
    }
    if (!transcript.text().includes(shows.sentence)) {
      process.exitCode = 1;
      transcript.did(`The sentence of the table was not shown: ${shows.sentence}`);
    }
    texts.push(transcript.text());
  }
  return texts;
}
