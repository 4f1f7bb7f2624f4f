import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { type Api, createApi } from './api.ts';
import { CliError, exitCodes } from './exit.ts';
import { findTidemark } from './find-tidemark.ts';
import { type ResyncOptions, resync } from './resync.ts';
import { status } from './status.ts';

/** Carries out a command line. @returns the exit code */
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
    .description('Asks a running Tidemark to work, and shows how it is doing.')
    .version(packageJson.version)
    .exitOverride()
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText('after', helpText);
  program
    .command('resync')
    .description('read accounts from Salesforce again, or compare them')
    .addOption(new Option('--all', 'everything').conflicts(['since', 'account', 'confirm']))
    .addOption(
      new Option('--since <time>', 'what changed from here on, such as 2026-11-23T10:00:00Z')
        .argParser(readTime)
        .conflicts(['account', 'confirm']),
    )
    .addOption(new Option('--account <id...>', 'these accounts').conflicts('confirm'))
    .option('--confirm <id>', 'let a resync go on that stopped at deletions without proof (scope admin)')
    .addOption(
      new Option('--mode <mode>', 'merge what is read, compare it, or compare a part of it')
        .choices(['repair', 'verify', 'sample'])
        .default('repair'),
    )
    .option('--no-wait', 'do not wait for the end')
    .option('--json', 'print the resync as JSON')
    .action((options: ResyncOptions, command: Command) => {
      const { all, since, account, confirm } = options;
      if (all !== true && since === undefined && account === undefined && confirm === undefined) {
        command.error('error: say what to read: --all, --since <time> or --account <id...>');
      }
      return run((api) => resync(api, options));
    });
  program
    .command('status')
    .description('show how the mirror is doing')
    .option('--json', 'print it as JSON')
    .action((options: { readonly json?: boolean }) => run((api) => status(api, options)));
  return program;
}

function readTime(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError('It is no date and time.');
  return time.toISOString();
}

const helpText = `
Examples:
  $ npx tidemark resync --all
  $ npx tidemark resync --all --mode verify
  $ npx tidemark resync --account 001al00000K3N1wAAF --json
  $ npx tidemark status

Environment:
  TIDEMARK_URL      where Tidemark listens (default http://127.0.0.1:3000)
  TIDEMARK_API_KEY  a key with the scope that is needed; on the embedded defaults the generated one is found

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a verify found differences, 4 (status) down,
5 a resync needs confirmation, 130 cancelled.
Ctrl-C cancels the resync that is waited for.`;
