import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { type Api, createApi } from './api.ts';
import { CliError, exitCodes } from './exit.ts';
import { findTidemark } from './find-tidemark.ts';
import { type ResyncOptions, resync } from './resync.ts';
import { status } from './status.ts';

/** Runs a command line. @returns the exit code */
export async function runCommand(words: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = describeCommands(async (command) => {
    exitCode = await command(createApi(await findTidemark(environment)));
  });
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    if (!(error instanceof CliError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

type Run = (command: (api: Api) => Promise<number>) => Promise<void>;

function describeCommands(run: Run): Command {
  const program = new Command('tidemark')
    .description('Controls a running Tidemark and shows its status.')
    .version(packageJson.version)
    .exitOverride()
    .showHelpAfterError('(use --help for a list of commands and options)')
    .addHelpText('after', helpText);
  program
    .command('resync')
    .description('read accounts from Salesforce again, or compare them')
    .addOption(new Option('--all', 'all accounts').conflicts(['since', 'account', 'confirm']))
    .addOption(
      new Option('--since <time>', 'accounts changed since a time, such as 2026-11-23T10:00:00Z')
        .argParser(parseTime)
        .conflicts(['account', 'confirm']),
    )
    .addOption(new Option('--account <id...>', 'the listed accounts').conflicts('confirm'))
    .option('--confirm <id>', 'resume a resync that needs confirmation (scope admin)')
    .addOption(
      new Option('--mode <mode>', 'merge the records, compare them, or compare a part of them')
        .choices(['repair', 'verify', 'sample'])
        .default('repair'),
    )
    .option('--no-wait', 'do not wait for the result')
    .option('--json', 'print the resync as JSON')
    .action((options: ResyncOptions, command: Command) => {
      const { all, since, account, confirm } = options;
      if (all !== true && since === undefined && account === undefined && confirm === undefined) {
        command.error('error: specify what to read: --all, --since <time> or --account <id...>');
      }
      return run((api) => resync(api, options));
    });
  program
    .command('status')
    .description('show the status of the mirror')
    .option('--json', 'print the status as JSON')
    .action((options: { readonly json?: boolean }) => run((api) => status(api, options)));
  return program;
}

function parseTime(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('It is not a date and time.');
  return time.toISOString();
}

const helpText = `
Examples:
  $ npx tidemark resync --all
  $ npx tidemark resync --all --mode verify
  $ npx tidemark resync --account 001al00000K3N1wAAF --json
  $ npx tidemark status

Environment:
  TIDEMARK_URL      the address of Tidemark (default http://127.0.0.1:3000)
  TIDEMARK_API_KEY  an API key with the required scope; defaults to the generated key of the embedded defaults

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a verification found differences, 4 (status) down,
5 a resync needs confirmation, 130 cancelled.
Ctrl-C cancels the resync.`;
