import type { HealthFacts, StoredFacts, SubscriptionFacts } from '../../src/health/facts.ts';

// The facts of a mirror that is healthy, for tests that change some of them.
export const now = new Date('2026-11-29T10:00:00.000Z');
export const ago = (seconds: number): Date => new Date(now.getTime() - seconds * 1_000);

export const subscription: SubscriptionFacts = {
  state: 'streaming',
  stateSince: ago(3_600),
  outage: null,
  applyFault: null,
  loadedAt: ago(86_400),
  renewedAt: ago(2),
  currentAt: ago(2),
  isCurrent: true,
  watermarkAt: ago(200),
};
export const stored: StoredFacts = {
  isReadOnly: false,
  subscription,
  oldestWaitingAt: null,
  lastAppliedAt: null,
  initialLoad: null,
  incidents: [],
  uncheckedSchemaAt: null,
  failedCodes: [],
  writeBack: { state: 'running', code: '', message: '', since: ago(3_600) },
  unconfirmedResyncs: [],
  failedComparison: null,
  failedRepairs: [],
  failingRereads: null,
  failedMaintenance: [],
  readThrough: ago(86_400),
  verifiedThrough: ago(7_200),
};
export const facts: HealthFacts = {
  now,
  topic: '/data/AccountChangeEvent',
  faults: [],
  missingColumns: [],
  replicaServes: undefined,
  clockAheadMs: 900,
  stored,
};
