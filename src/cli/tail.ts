import type { Command } from 'commander';
import type { Run } from './command.ts';
import type { Event } from './events.ts';
import { exitCodes } from './exit.ts';
import { followStream } from './follow-stream.ts';
import { formatNames, formatTime, kebabCase, parseCount } from './list.ts';
import { toPrintable } from './output.ts';

type TailOptions = { readonly count?: number; readonly json?: boolean };

/** Options by the name of their query parameter. */
const filters = {
  changeType: 'such as CREATE, UPDATE, DELETE or UNDELETE',
  entityName: 'the object, such as Account',
  recordId: 'the id of an affected record',
  state: 'applied (default), skipped, failed, repaired or dismissed',
  lastEventId: 'start after this position instead of now; --json shows it as streamId',
};

// A restart of the service or a failure of the network may take any time.
const retryLimits = { first: 0, later: Number.POSITIVE_INFINITY };

export function addTailCommand(program: Command, run: Run): void {
  const command = program
    .command('tail')
    .description('show changes as they are applied; reconnects and resumes without gaps');
  for (const [name, description] of Object.entries(filters)) {
    command.option(`--${kebabCase(name)} <value>`, description);
  }
  command
    .option('--count <n>', 'exit after this number of changes', parseCount)
    .option('--json', 'print one JSON object per line')
    .action(({ count = Number.POSITIVE_INFINITY, json, ...query }: TailOptions) =>
      run(async (context) => {
        const { api, out } = context;
        let shown = 0;
        const path = `/v1/events/stream?${new URLSearchParams({ ...query })}`;
        for await (const { event, id, data } of followStream(context, path, retryLimits)) {
          if (event === 'ready') out.note(`Connected to ${api.url}.`);
          if (event === 'reset') out.note(describeReset(JSON.parse(data)));
          if (event !== 'change') continue;
          const change: Event = JSON.parse(data);
          out.print(json === true ? JSON.stringify({ streamId: id, ...change }) : describeChange(change));
          shown += 1;
          if (shown >= count) return exitCodes.done;
        }
        return exitCodes.done;
      }),
    );
}

const typeWidth = 'UNDELETE'.length;

function describeChange(event: Event): string {
  const { receivedAt, changeType, recordIds, changedFields, error, id } = event;
  const parts = [
    id,
    formatTime(receivedAt),
    (changeType ?? '').padEnd(typeWidth),
    formatNames(recordIds),
    toPrintable(error ?? formatNames(changedFields)),
  ];
  return parts.join('  ').trimEnd();
}

function describeReset({ reason }: { readonly reason?: string }): string {
  const cause =
    reason === 'expired' ? 'the position is no longer in the log' : 'the position belongs to another log';
  return `Changes may be missing: ${cause}. Read the accounts again if you keep a copy.`;
}
