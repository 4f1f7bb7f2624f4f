import { futureToleranceMs } from '../apply/event-effect.ts';
import type { HealthFacts } from './facts.ts';
import type { Problem } from './problem.ts';

/** A clock that is too far behind makes each event one that is dated ahead, whose account is read again. */
export function clockProblems({ clockAheadMs }: HealthFacts): Problem[] {
  if (clockAheadMs === null || Math.abs(clockAheadMs) <= futureToleranceMs) return [];
  const seconds = Math.round(Math.abs(clockAheadMs) / 1_000);
  const isBehind = clockAheadMs < 0;
  return [
    {
      code: 'clock-difference',
      severity: 'degraded',
      summary: `The clock of this machine is about ${seconds} s ${isBehind ? 'behind' : 'ahead of'} Salesforce's${
        isBehind
          ? ': the accounts of new events are read from Salesforce instead of being updated by the event'
          : ''
      }.`,
      detail: null,
      since: null,
      action: 'Synchronize the clock of this machine (NTP).',
    },
  ];
}
