#!/usr/bin/env node
import { runCommand } from './cli/run-command.ts';

// Whoever reads along may stop: `tidemark status | head -1`.
process.stdout.on('error', () => process.exit());
process.exitCode = await runCommand(process.argv.slice(2), process.env);
