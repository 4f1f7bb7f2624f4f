import { Command, CommanderError } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { createApi } from './api.ts';
import { addCodeCommands } from './codes.ts';
import type { Run } from './command.ts';
import { addEventCommands } from './events.ts';
import { CliError, exitCodeMeanings, exitCodes, statusExitCodes } from './exit.ts';
import { findTidemark } from './find-tidemark.ts';
import { addIncidentCommands } from './incidents.ts';
import { createOutput, type Output, type Streams } from './output.ts';
import { addResyncCommands } from './resyncs.ts';
import { addStatusCommand } from './status.ts';
import { addTailCommand } from './tail.ts';

/** Runs a command line. @returns the exit code */
export async function runCommand(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  streams: Streams,
): Promise<number> {
  let exitCode: number = exitCodes.done;
  const out = createOutput(streams, environment);
  const program = describeCommands(async (command) => {
    const api = createApi(await findTidemark(environment));
    exitCode = (await command({ api, out })) ?? exitCodes.done;
  }, streams);
  try {
    await program.parseAsync(words, { from: 'user' });
    return exitCode;
  } catch (error) {
    const failure = exitCodeOf(error, out);
    return failure !== exitCodes.done && words[0] === 'status' ? statusExitCodes.unknown : failure;
  }
}

/** Prints the message, unless the parser has already done so. @throws errors that are not expected */
function exitCodeOf(error: unknown, out: Output): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (!(error instanceof CliError)) throw error;
  out.note(error.message);
  return error.exitCode;
}

/** All commands with their options and help. */
export function describeCommands(run: Run, { stdout, stderr }: Streams = process): Command {
  const program = new Command('tidemark')
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .description('Shows the status of a running Tidemark and controls it.')
    .version(packageJson.version)
    .exitOverride()
    .showHelpAfterError('(use --help for a list of commands and options)')
    .addHelpText('after', helpText);
  addStatusCommand(program, run);
  addTailCommand(program, run);
  addCodeCommands(program, run);
  addEventCommands(program, run);
  addIncidentCommands(program, run);
  addResyncCommands(program, run);
  return program;
}

const describeExitCodes = (meanings: object): string =>
  Object.entries(meanings)
    .map(([code, meaning]) => `  ${code.padEnd(16)} ${meaning}`)
    .join('\n');

const helpText = `
Examples:
  $ tidemark status
  $ tidemark codes --state failed
  $ tidemark tail --record-id 001al00000K3N1wAAF
  $ tidemark resync --all --mode verify

Environment:
  TIDEMARK_URL     the address of Tidemark (default http://127.0.0.1:3000)
  TIDEMARK_API_KEY an API key with the required scope; defaults to the generated key of the embedded defaults
  NO_COLOR         no colors; FORCE_COLOR: colors although the output is not a terminal

Exit codes of status:
${describeExitCodes(exitCodeMeanings.status)}

Exit codes of other commands:
${describeExitCodes(exitCodeMeanings.others)}`;
