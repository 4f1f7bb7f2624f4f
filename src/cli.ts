#!/usr/bin/env node
import { enableCompileCache } from 'node:module';

// The reader of a pipe may close it: `tidemark status | head -1`.
process.stdout.on('error', () => process.exit());
// Imported after this call, modules are compiled once and not for every command.
enableCompileCache();
const { runCommand } = await import('./cli/run-command.ts');
process.exitCode = await runCommand(process.argv.slice(2), process.env, process);
