import type { Command } from 'commander';
import type { Static } from 'typebox';
import type { IncidentSchema } from '../http/schemas/incident.ts';
import type { Run } from './command.ts';
import { addListCommand, formatTime } from './list.ts';

type Incident = Static<typeof IncidentSchema>;

export function addIncidentCommands(program: Command, run: Run): void {
  const incidents = program.command('incidents').description('show gaps in the received changes');
  addListCommand<Incident>(incidents, run, {
    path: '/v1/incidents',
    description: 'list the gaps and their repairs, newest first',
    items: 'incidents',
    filters: { state: 'open, repairing or closed', cause: 'such as gap, overflow or "position lost"' },
    head: ['INCIDENT', 'OPENED', 'STATE', 'CAUSE', 'EXTENT', 'DETAIL'],
    row: (incident) => [
      incident.id,
      formatTime(incident.openedAt),
      incident.state,
      incident.cause,
      describeExtent(incident),
      incident.detail,
    ],
  });
}

function describeExtent({ extent, accountIds, from }: Incident): string {
  if (extent === 'all') return 'all accounts';
  if (extent === 'since') return `since ${formatTime(from)}`;
  return accountIds.length === 1 ? `${accountIds[0]}` : `${accountIds.length} accounts`;
}
