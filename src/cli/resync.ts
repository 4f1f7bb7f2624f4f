import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Context, Run } from './command.ts';
import { describeResult } from './describe-result.ts';
import { CliError, exitCodes } from './exit.ts';
import { followResync, type Resync } from './follow-resync.ts';
import type { Output } from './output.ts';
import { createProgress, type Progress } from './show-progress.ts';

export type FollowOptions = { readonly wait: boolean; readonly json?: boolean };

type ResyncOptions = FollowOptions & {
  readonly all?: boolean;
  readonly since?: string;
  readonly account?: readonly string[];
  readonly mode: string;
};

/** Adds the command that starts a resync, under a name. */
export function addStartCommand(parent: Command, run: Run, name: string): void {
  parent
    .command(name)
    .description('read accounts from Salesforce again, or compare them (scope write)')
    .addOption(new Option('--all', 'all accounts').conflicts(['since', 'account']))
    .addOption(
      new Option('--since <time>', 'accounts changed since a time, such as 2026-11-23T10:00:00Z')
        .argParser(parseTime)
        .conflicts('account'),
    )
    .option('--account <id...>', 'the listed accounts')
    .addOption(
      new Option('--mode <mode>', 'merge the records, compare them, or compare a part of them')
        .choices(['repair', 'verify', 'sample'])
        .default('repair'),
    )
    .option('--no-wait', 'do not wait for the result')
    .option('--json', 'print the resync as JSON')
    .action((options: ResyncOptions, command: Command) => {
      const { all, since, account } = options;
      if (all !== true && since === undefined && account === undefined) {
        command.error('error: specify what to read: --all, --since <time> or --account <id...>');
      }
      return run((context) => sendResyncOrder(context, '/v1/resyncs', orderOf(options), options));
    });
}

function parseTime(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('It is not a date and time.');
  return time.toISOString();
}

/** Starts or resumes a resync and follows it to its end, except with `--no-wait`. @returns the exit code */
export async function sendResyncOrder(
  context: Context,
  path: string,
  order: object,
  options: FollowOptions,
): Promise<number> {
  const { api, out } = context;
  const { status, body: ordered } = await api.send<Resync>('POST', path, order);
  const isNew = status === 202;
  if (!isNew) out.note(`A resync is already running since ${ordered.createdAt}: ${ordered.id}`);
  if (!options.wait) {
    print(
      out,
      options,
      ordered,
      `Resync ${ordered.id} is ${ordered.state}; see: tidemark resyncs show ${ordered.id}`,
    );
    return exitCodes.done;
  }
  const progress = createProgress(out.stderr);
  const stopListening = onInterrupt(() => interrupt(context, ordered, isNew, progress));
  let last = ordered;
  try {
    for await (const now of followResync(context, ordered.id)) {
      last = now;
      progress.show(now);
    }
  } finally {
    progress.end();
    stopListening();
  }
  print(out, options, last, describeResult(last));
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
async function interrupt(
  { api, out }: Context,
  { id }: Resync,
  isOurs: boolean,
  progress: Progress,
): Promise<void> {
  progress.end();
  if (!isOurs) {
    out.note('The resync continues: it was not started by this command.');
    process.exit(exitCodes.cancelled);
  }
  out.note('Cancelling …');
  await api.send('DELETE', `/v1/resyncs/${id}`).catch((error: unknown) => {
    out.note(error instanceof CliError ? error.message : String(error));
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

function print(out: Output, { json }: FollowOptions, data: Resync, text: string): void {
  if (json === true) out.printJson(data);
  else out.print(text);
}
