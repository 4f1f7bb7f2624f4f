import { createTranscript, type Transcript } from './situation-transcript.ts';
import type { SituationWorld } from './situation-world.ts';

/** One situation: what is done, what an operator sees, and how it ends. */
export type Situation = {
  readonly title: string;
  play(world: SituationWorld, transcript: Transcript): Promise<void>;
};

/** Situations that share a world are played one after another. */
export type SituationGroup = { readonly name: string; readonly situations: readonly Situation[] };

export async function playGroup(world: SituationWorld, { situations }: SituationGroup): Promise<string[]> {
  const texts: string[] = [];
  for (const { title, play } of situations) {
    const transcript = createTranscript(title);
    try {
      await play(world, transcript);
    } catch (error) {
      process.exitCode = 1;
      transcript.did(`The situation could not be played: ${(error as Error).message}`);
    }
    texts.push(transcript.text());
  }
  return texts;
}
