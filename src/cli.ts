#!/usr/bin/env node
import { runCommand } from './cli/run-command.ts';

// The reader of a pipe may close it: `tidemark status | head -1`.
process.stdout.on('error', () => process.exit());
process.exitCode = await runCommand(process.argv.slice(2), process.env);
