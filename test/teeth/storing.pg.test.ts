import { eachWithDefects } from './each-with-defects.ts';
import {
  refusedEventsComeAgain,
  repeatedEventsAreStoredOnce,
  sharedIdsAreTwoEvents,
} from './scenarios/storing.ts';

eachWithDefects([
  {
    promise: 'the position is never ahead of what is stored',
    scenario: refusedEventsComeAgain,
    defects: [
      {
        name: 'the position moves before the events are stored',
        file: 'sync/store.ts',
        find: 'if (last === undefined) return 0;',
        replace: `if (last === undefined) return 0;
  await pool.query('update subscriptions set replay_id = $2 where topic = $1', [lease.topic, last.replayId]);`,
        shows: /the refused event came again/,
      },
      {
        name: 'the newest position of a response is saved before its events',
        file: 'sync/subscribe.ts',
        find: 'const stored = await storeEvents(',
        replace: `await pool.query('update subscriptions set replay_id = $2 where topic = $1', [lease.topic, response.latestReplayId]);
      const stored = await storeEvents(`,
        shows: /the refused event came again/,
      },
    ],
  },
  {
    promise: 'an event that comes again is stored once',
    scenario: repeatedEventsAreStoredOnce,
    defects: [
      {
        name: 'no two deliveries are taken for the same',
        file: 'sync/store.ts',
        find: 'update(event.payload).digest()',
        replace: 'update(event.payload).update(String(Math.random())).digest()',
        shows: /every event is stored once/,
      },
    ],
  },
  {
    promise: 'events that share their ids are all applied',
    scenario: sharedIdsAreTwoEvents,
    defects: [
      {
        name: 'the id alone makes a duplicate',
        file: 'sync/store.ts',
        find: 'update(event.payload).digest()',
        replace: 'update(event.eventId).digest()',
        shows: /both events with one id are applied/,
      },
    ],
  },
]);
