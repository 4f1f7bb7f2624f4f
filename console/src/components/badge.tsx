import type { ComponentChildren } from 'preact';

export type Tone = 'good' | 'warn' | 'bad' | 'busy' | 'quiet';

/** The states of the API by how much attention they need. */
const tones: Readonly<Record<string, Tone>> = {
  healthy: 'good',
  degraded: 'warn',
  down: 'bad',
  streaming: 'good',
  connecting: 'busy',
  waiting: 'warn',
  stopped: 'bad',
  paused: 'bad',
  confirmed: 'good',
  written: 'busy',
  pending: 'busy',
  failed: 'bad',
  applied: 'good',
  stored: 'busy',
  repaired: 'good',
  done: 'good',
  running: 'busy',
  reading: 'busy',
  applying: 'busy',
  queued: 'busy',
  open: 'warn',
  repairing: 'busy',
  'needs-confirmation': 'bad',
  sent: 'good',
};

/** A state as a word with a color; the word is sufficient. */
export function State({ value }: { readonly value: string }) {
  return <Badge tone={tones[value] ?? 'quiet'}>{value.replaceAll('-', ' ')}</Badge>;
}

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: ComponentChildren }) {
  return <span class={`badge ${tone}`}>{children}</span>;
}
