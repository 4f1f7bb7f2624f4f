import { enableCompileCache } from 'node:module';

// Imported after this call, modules are compiled once and not at every start.
enableCompileCache();
const { runTidemark } = await import('./start/run-tidemark.ts');
await runTidemark(process.env);
