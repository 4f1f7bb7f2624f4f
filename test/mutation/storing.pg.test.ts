import { randomUUID } from 'node:crypto';
import type { Replacements } from '../helpers/mutant.ts';
import { eachWithMutants } from './each-with-mutants.ts';
import {
  refusedEventsComeAgain,
  repeatedEventsAreStoredOnce,
  sharedIdsAreTwoEvents,
} from './scenarios/storing.ts';

const savePosition = 'update subscriptions set replay_id = $2 where topic = $1';

eachWithMutants([
  {
    behavior: 'the position is never ahead of what is stored',
    scenario: refusedEventsComeAgain,
    mutants: [
      {
        name: 'the position moves before the events are stored',
        replace: {
          'ingest/store-events.ts': {
            storeEvents: (store) => async (pool, lease, events) => {
              await pool.query(savePosition, [lease.topic, events.at(-1)?.replayId]);
              return store(pool, lease, events);
            },
          },
        },
        reason: /the refused event came again/,
      },
      {
        name: 'the newest position of a response is saved before its events',
        replace: savesPositionOfResponseFirst(),
        reason: /the refused event came again/,
      },
    ],
  },
  {
    behavior: 'an event that comes again is stored once',
    scenario: repeatedEventsAreStoredOnce,
    mutants: [
      {
        name: 'no two deliveries are taken for the same event',
        replace: { 'ingest/event-key.ts': { eventKey: () => () => randomUUID() } },
        reason: /every event is stored once/,
      },
    ],
  },
  {
    behavior: 'events that share their ids are all applied',
    scenario: sharedIdsAreTwoEvents,
    mutants: [
      {
        name: 'an event with a known id counts as a duplicate',
        replace: { 'ingest/event-key.ts': { eventKey: (key) => (scope) => key(scope, Buffer.alloc(0)) } },
        reason: /both events with one id are applied/,
      },
    ],
  },
]);

function savesPositionOfResponseFirst(): Replacements {
  let latest: Uint8Array | undefined;
  return {
    'salesforce/pubsub-stream.ts': {
      openPullStream:
        (open) =>
        (...args) => {
          const stream = open(...args);
          return {
            ...stream,
            get outstanding() {
              return stream.outstanding;
            },
            async next(withinMs) {
              const response = await stream.next(withinMs);
              latest = response?.latestReplayId;
              return response;
            },
          };
        },
    },
    'ingest/store-events.ts': {
      storeEvents: (store) => async (pool, lease, events) => {
        await pool.query(savePosition, [lease.topic, latest]);
        return store(pool, lease, events);
      },
    },
  };
}
