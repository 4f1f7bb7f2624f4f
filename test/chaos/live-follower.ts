import { setTimeout as pause } from 'node:timers/promises';
import { readLive } from '../http/live-readers.ts';
import { crashSecret } from './crash-world.ts';

/** A reader of the live stream that comes back with its last id whenever a stream ends. */
export type LiveFollower = {
  /** The numbers in the log of the changes that arrived, in order of arrival. */
  readonly changes: readonly string[];
  /** Their places in the order of effect. */
  readonly positions: readonly bigint[];
  readonly streams: number;
  stop(): Promise<void>;
};

export async function followLive(url: string): Promise<LiveFollower> {
  const changes: string[] = [];
  const positions: bigint[] = [];
  let streams = 0;
  let lastEventId: string | undefined;
  let stopped = false;
  const followOnce = async (): Promise<void> => {
    const reader = await readLive(url, { key: crashSecret, lastEventId });
    if (reader.status !== 200) throw new Error(`the stream answered ${reader.status}`);
    streams++;
    let seen = 0;
    const take = (): void => {
      for (const { id, event, data } of reader.messages.slice(seen)) {
        seen++;
        if (event === 'reset') throw new Error(`the stream could not be resumed: ${data.reason}`);
        lastEventId = id ?? lastEventId;
        if (event !== 'change') continue;
        changes.push(data.id ?? '');
        positions.push(BigInt(data.position ?? -1));
      }
    };
    while (!stopped && !reader.ended()) {
      take();
      await pause(10);
    }
    take();
    reader.leave();
  };
  const follow = async (): Promise<void> => {
    while (!stopped) {
      // As an EventSource does: whatever ended the stream, it comes back.
      await followOnce().catch((error: Error) => {
        if (error.message.startsWith('the stream could not')) throw error;
      });
      if (!stopped) await pause(50);
    }
  };
  const following = follow();
  following.catch(() => {});
  while (streams === 0) await pause(10);
  return {
    changes,
    positions,
    get streams() {
      return streams;
    },
    async stop() {
      stopped = true;
      await following;
    },
  };
}
