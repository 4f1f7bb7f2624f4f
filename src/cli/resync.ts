import type { Api } from './api.ts';
import { describeResult } from './describe-result.ts';
import { CliError, exitCodes } from './exit.ts';
import { followResync, type Resync } from './follow-resync.ts';
import { createProgress, type Progress } from './show-progress.ts';

export type ResyncOptions = {
  readonly all?: boolean;
  readonly since?: string;
  readonly account?: readonly string[];
  /** The id of a resync to confirm, instead of a new one. */
  readonly confirm?: string;
  readonly mode: string;
  readonly wait: boolean;
  readonly json?: boolean;
};

/** Starts a resync and follows it to its end, except with `--no-wait`. @returns the exit code */
export async function resync(api: Api, options: ResyncOptions): Promise<number> {
  const { confirm } = options;
  const { status, body: ordered } =
    confirm === undefined
      ? await api.send<Resync>('POST', '/v1/resyncs', orderOf(options))
      : await api.send<Resync>('POST', `/v1/resyncs/${encodeURIComponent(confirm)}/confirm`, {});
  const isNew = status === 202;
  if (!isNew) printNote(`A resync is already running since ${ordered.createdAt}: ${ordered.id}`);
  if (!options.wait) {
    print(options, ordered, `Resync ${ordered.id} is ${ordered.state}: ${api.url}/v1/resyncs/${ordered.id}`);
    return exitCodes.done;
  }
  const progress = createProgress(process.stderr);
  const stopListening = onInterrupt(() => interrupt(api, ordered, isNew, progress));
  let last = ordered;
  try {
    for await (const now of followResync(api, ordered.id)) {
      last = now;
      progress.show(now);
    }
  } finally {
    progress.end();
    stopListening();
  }
  print(options, last, describeResult(last));
  return exitCodeOf(last);
}

function orderOf({ all, since, account, mode }: ResyncOptions): object {
  if (all === true) return { scope: 'all', mode };
  return since === undefined
    ? { scope: 'accounts', accountIds: account, mode }
    : { scope: 'since', since, mode };
}

function exitCodeOf({ state, verification }: Resync): number {
  if (state === 'cancelled') return exitCodes.cancelled;
  if (state === 'needs-confirmation') return exitCodes.unconfirmed;
  if (state !== 'done') return exitCodes.failed;
  return (verification?.different ?? 0) > 0 ? exitCodes.different : exitCodes.done;
}

/** Cancels a resync that this command started. A resync started by others continues. */
async function interrupt(api: Api, { id }: Resync, isOurs: boolean, progress: Progress): Promise<void> {
  progress.end();
  if (!isOurs) {
    printNote('The resync continues: it was not started by this command.');
    process.exit(exitCodes.cancelled);
  }
  printNote('Cancelling …');
  await api.send('DELETE', `/v1/resyncs/${id}`).catch((error: unknown) => {
    printNote(error instanceof CliError ? error.message : String(error));
  });
}

// An earlier second signal belongs to the same Ctrl-C: npm forwards the signal that the terminal has already sent.
const sameSignalMs = 1_000;

/** The first Ctrl-C calls `act`, the second exits immediately. @returns a function that removes the listener */
function onInterrupt(act: () => Promise<void>): () => void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    if (firstAt === undefined) {
      firstAt = Date.now();
      void act();
    } else if (Date.now() - firstAt > sameSignalMs) {
      process.exit(exitCodes.cancelled);
    }
  };
  process.on('SIGINT', onSignal);
  return () => process.off('SIGINT', onSignal);
}

function print({ json }: ResyncOptions, data: Resync, text: string): void {
  process.stdout.write(`${json === true ? JSON.stringify(data, null, 2) : text}\n`);
}

function printNote(text: string): void {
  process.stderr.write(`${text}\n`);
}
