import type { Api } from './api.ts';
import type { Output } from './output.ts';

/** What every command gets. */
export type Context = { readonly api: Api; readonly out: Output };

/** Runs a command. Without an exit code it is done. */
export type Run = (command: (context: Context) => Promise<number> | Promise<void>) => Promise<void>;
