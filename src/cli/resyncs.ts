import type { Command } from 'commander';
import type { Run } from './command.ts';
import { describeProgress } from './describe-progress.ts';
import { describeResult } from './describe-result.ts';
import type { Resync } from './follow-resync.ts';
import { addItemCommand, addListCommand, formatTime } from './list.ts';
import type { Output } from './output.ts';
import { addStartCommand, type FollowOptions, sendResyncOrder } from './resync.ts';
import { formatTable } from './table.ts';

export function addResyncCommands(program: Command, run: Run): void {
  // Short for `resyncs start`.
  addStartCommand(program, run, 'resync');
  const resyncs = program.command('resyncs').description('show, start, cancel and confirm resyncs');
  addListCommand<Resync>(resyncs, run, {
    path: '/v1/resyncs',
    description: 'list resyncs, newest first',
    items: 'resyncs',
    filters: {
      state: 'queued, reading, needs-confirmation, done, failed or cancelled',
      scope: 'all, since, accounts or fields',
      mode: 'repair, verify or sample',
    },
    head: ['RESYNC', 'CREATED', 'SCOPE', 'MODE', 'STATE', 'READ', 'REASON'],
    row: (resync) => [
      resync.id,
      formatTime(resync.createdAt),
      resync.scope,
      resync.mode,
      resync.state,
      String(resync.read),
      resync.requestedBy === null ? resync.reason : `${resync.reason} (${resync.requestedBy})`,
    ],
  });
  addStartCommand(resyncs, run, 'start');
  addItemCommand<Resync>(resyncs, run, {
    name: 'show',
    description: 'show one resync with its result',
    argument: ['resync', 'the id of the resync'],
    method: 'GET',
    path: pathOf,
    describe: describeResync,
  });
  addItemCommand<Resync>(resyncs, run, {
    name: 'cancel',
    description: 'cancel a resync; what was read stays (scope write)',
    argument: ['resync', 'the id of the resync'],
    method: 'DELETE',
    path: pathOf,
    describe: (_, resync) => describeResult(resync),
  });
  resyncs
    .command('confirm')
    .description('resume a resync that stopped at accounts that are not visible (scope admin)')
    .argument('<resync>', 'the id of the resync')
    .option('--no-wait', 'do not wait for the result')
    .option('--json', 'print JSON')
    .action((id: string, options: FollowOptions) =>
      run((context) => sendResyncOrder(context, `${pathOf(id)}/confirm`, {}, options)),
    );
}

const finalStates: readonly string[] = ['needs-confirmation', 'done', 'failed', 'cancelled'];

function describeResync(out: Output, resync: Resync): string {
  const { id, scope, mode, reason, requestedBy, createdAt, finishedAt, state } = resync;
  const rows = [
    ['Resync', id],
    ['Scope', `${scope}, ${mode}`],
    ['Reason', requestedBy === null ? reason : `${reason} (${requestedBy})`],
    ['Created', formatTime(createdAt)],
    ...(finishedAt === null ? [] : [['Finished', formatTime(finishedAt)]]),
  ];
  const result = finalStates.includes(state) ? describeResult(resync) : describeProgress(resync, null);
  return `${formatTable(out, rows)}\n\n${result}`;
}

function pathOf(id: string): string {
  return `/v1/resyncs/${encodeURIComponent(id)}`;
}
