import cliProgress from 'cli-progress';
import { describeProgress, describeWaiting, paceSince, type Sample } from './describe-progress.ts';
import type { Resync } from './follow-resync.ts';

export type Progress = {
  show(resync: Resync): void;
  /** Leaves the last progress on the screen; later output starts below it. */
  end(): void;
};

/** A progress bar on a terminal, otherwise a line per step. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  let first: Sample | undefined;
  const line = (resync: Resync): string => {
    const now = { at: Date.now(), read: resync.read };
    if (resync.state !== 'queued') first ??= now;
    return describeProgress(resync, paceSince(first, now));
  };
  return stream.isTTY ? bar(stream, line) : lines(stream, line);
}

type Describe = (resync: Resync) => string;

function bar(stream: NodeJS.WriteStream, line: Describe): Progress {
  const single = new cliProgress.SingleBar({
    stream,
    hideCursor: true,
    barsize: 24,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    // `interrupt` stops the bar.
    gracefulExit: false,
    format: (options, { progress }, { text }: { text: string }) =>
      `${cliProgress.Format.BarFormat(progress, options)} ${text}`,
  });
  let started = false;
  return {
    show(resync) {
      const text = line(resync);
      if (!started) single.start(100, resync.percent ?? 0, { text });
      started = true;
      single.update(resync.percent ?? 0, { text });
    },
    end() {
      if (started) single.stop();
      started = false;
    },
  };
}

/** Writes one line per state, reason to wait and 10 percent. */
function lines(stream: NodeJS.WriteStream, line: Describe): Progress {
  let lastStep = '';
  return {
    show(resync) {
      const tenth = resync.percent === null ? '' : Math.floor(resync.percent / 10);
      const step = `${resync.state} ${tenth} ${describeWaiting(resync.waiting)}`;
      const text = line(resync);
      if (step !== lastStep) stream.write(`${text}\n`);
      lastStep = step;
    },
    end() {},
  };
}
