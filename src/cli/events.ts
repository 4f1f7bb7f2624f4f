import type { Command } from 'commander';
import type { Static } from 'typebox';
import type { EventDetailSchema, EventSchema } from '../http/schemas/event.ts';
import type { Run } from './command.ts';
import { addItemCommand, addListCommand, formatNames, formatTime } from './list.ts';
import type { Output } from './output.ts';
import { formatTable, type Row } from './table.ts';

export type Event = Static<typeof EventSchema>;
type EventDetail = Static<typeof EventDetailSchema>;
type Json = { readonly json?: boolean };

const eventArgument = ['event', 'the number or the id of the event'] as const;

export function addEventCommands(program: Command, run: Run): void {
  const events = program.command('events').description('show the log of change events, and end failures');
  addListCommand<Event>(events, run, {
    path: '/v1/events',
    description: 'list the log, newest first',
    items: 'events',
    filters: {
      state: 'stored, applied, skipped, failed, repaired or dismissed',
      changeType: 'such as CREATE, UPDATE, DELETE or UNDELETE',
      recordId: 'the id of an affected record',
      transactionKey: 'the Salesforce transaction',
      since: 'received at or after this time, such as 2026-11-23T10:00:00Z',
      until: 'received before this time',
    },
    head: ['EVENT', 'RECEIVED', 'TYPE', 'STATE', 'RECORDS', 'FIELDS OR ERROR'],
    row: (event) => [
      event.id,
      formatTime(event.receivedAt),
      event.changeType ?? '',
      event.state,
      formatNames(event.recordIds),
      event.error ?? formatNames(event.changedFields),
    ],
  });
  addItemCommand<EventDetail>(events, run, {
    name: 'show',
    description: 'show one event, decoded',
    argument: eventArgument,
    method: 'GET',
    path: pathOf,
    describe: describeEvent,
  });
  addItemCommand<Event>(events, run, {
    name: 'retry',
    description: 'apply a failed event again (scope write)',
    argument: eventArgument,
    method: 'POST',
    path: (event) => `${pathOf(event)}/retry`,
    describe: (_, { id }) => `Event ${id} is queued; see: tidemark events show ${id}`,
  });
  events
    .command('dismiss')
    .description('end the failure of an event that no repair will end (scope admin)')
    .argument(`<${eventArgument[0]}>`, eventArgument[1])
    .option('--reason <text>', 'why, for others who read the log')
    .option('--json', 'print JSON')
    .action((event: string, { json, reason }: Json & { readonly reason?: string }) =>
      run(async ({ api, out }) => {
        const { body } = await api.send<Event>('POST', `${pathOf(event)}/dismiss`, { reason });
        if (json === true) out.printJson(body);
        else out.print(`Event ${body.id} is ${body.state}.`);
      }),
    );
}

function describeEvent(out: Output, event: EventDetail): string {
  const { changeOrigin, commitTimestamp, commitUser, decoded, dismissal, error, transactionKey } = event;
  const rows: Row[] = [
    ['Event', `${event.id} (${event.eventId})`],
    ['State', event.state],
    ...(error === null ? [] : [['Error', error]]),
    ...(dismissal === null ? [] : [['Dismissed', `by ${dismissal.by}: ${dismissal.reason ?? 'no reason'}`]]),
    ['Change', `${event.changeType ?? 'unknown'} ${event.entityName ?? ''}`],
    ['Records', event.recordIds.join(', ')],
    ['Received', `${formatTime(event.receivedAt)} from ${event.source} (${event.topic})`],
    ...(commitTimestamp === null
      ? []
      : [
          ['Committed', `${formatTime(commitTimestamp)} by ${commitUser ?? 'unknown'} ${changeOrigin ?? ''}`],
        ]),
    ...(transactionKey === null ? [] : [['Transaction', `${transactionKey}, ${event.sequenceNumber}`]]),
    ...Object.entries(decoded?.fields ?? {}).map(([name, value]): Row => [name, JSON.stringify(value)]),
    ...(event.decodeError === null ? [] : [['Not decoded', event.decodeError]]),
  ];
  return formatTable(out, rows);
}

function pathOf(event: string): string {
  return `/v1/events/${encodeURIComponent(event)}`;
}
