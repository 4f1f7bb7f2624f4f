import type { Command } from 'commander';
import type { Static } from 'typebox';
import type { WriteBackHistorySchema, WriteBackSchema } from '../http/schemas/write-back.ts';
import type { Run } from './command.ts';
import { exitCodes } from './exit.ts';
import { addItemCommand, addListCommand, formatTime } from './list.ts';
import type { Output } from './output.ts';
import { formatTable, type Row } from './table.ts';

type WriteBack = Static<typeof WriteBackSchema>;
type WriteBackHistory = Static<typeof WriteBackHistorySchema>;
type RetryOptions = { readonly errorCode?: string; readonly json?: boolean };

export function addCodeCommands(program: Command, run: Run): void {
  const codes = program.command('codes').description('show signup codes and send them again');
  addListCommand<WriteBack>(codes, run, {
    path: '/v1/write-backs',
    description: 'list the codes that Salesforce has not confirmed, by last attempt',
    items: 'codes',
    filters: {
      state: 'pending, written or failed',
      errorCode: 'the cause, such as FIELD_CUSTOM_VALIDATION_EXCEPTION',
    },
    head: ['ACCOUNT', 'CODE', 'STATE', 'ATTEMPTS', 'LAST ATTEMPT', 'CAUSE', 'NAME'],
    row: (item) => [
      item.accountId,
      codeOf(item),
      item.state,
      String(item.attempts),
      formatTime(item.lastAttemptAt),
      item.error?.code ?? '',
      item.name ?? '',
    ],
  });
  addItemCommand<WriteBackHistory>(codes, run, {
    name: 'show',
    description: 'show the code of one account with its attempts, and why it is not confirmed',
    argument: ['account', 'the id of the account'],
    method: 'GET',
    path: pathOf,
    describe: describeCode,
  });
  codes
    .command('retry')
    .description('send codes again: of the listed accounts, or all that failed with one cause (scope write)')
    .argument('[account...]', 'the ids of the accounts')
    .option('--error-code <code>', 'the cause of the failures')
    .option('--json', 'print JSON')
    .action((accounts: readonly string[], { errorCode, json }: RetryOptions, command: Command) => {
      if ((accounts.length === 0) === (errorCode === undefined)) {
        command.error('error: specify either accounts or --error-code <code>');
      }
      return run(async ({ api, out }) => {
        const { retried } =
          errorCode === undefined
            ? { retried: accounts.length }
            : (await api.send<{ retried: number }>('POST', '/v1/write-backs/retry', { errorCode })).body;
        for (const account of accounts) await api.send('POST', `${pathOf(account)}/retry`, {});
        if (json === true) out.printJson({ retried });
        else out.print(`${retried} ${retried === 1 ? 'code is' : 'codes are'} queued.`);
        return exitCodes.done;
      });
    });
}

function describeCode(out: Output, code: WriteBackHistory): string {
  const { reason, history } = code;
  const rows: Row[] = [
    ['Account', `${code.accountId} ${code.name ?? ''}`],
    ['Code', codeOf(code)],
    ['State', code.state],
    ...(reason === null ? [] : [['Reason', `${reason.code}: ${reason.message}`]]),
    ...(code.nextAttemptAt === null ? [] : [['Next attempt', formatTime(code.nextAttemptAt)]]),
  ];
  const attempts = history.map(({ sentAt, code: sent, outcome, error }) => [
    formatTime(sentAt),
    sent,
    outcome,
    error === null ? '' : `${error.code ?? ''} ${error.message ?? ''}`,
  ]);
  const shown = formatTable(out, rows);
  if (attempts.length === 0) return shown;
  return `${shown}\n\n${formatTable(out, attempts, ['SENT', 'CODE', 'OUTCOME', 'ERROR'])}`;
}

function codeOf({ signupCode, pendingSignupCode }: WriteBack): string {
  return signupCode ?? pendingSignupCode ?? '';
}

function pathOf(account: string): string {
  return `/v1/write-backs/${encodeURIComponent(account)}`;
}
