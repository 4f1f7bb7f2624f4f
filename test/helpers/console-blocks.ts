import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A command that a page shows, and the output it shows for it. */
export type ShownCommand = { readonly page: string; readonly command: string; readonly output: string };

/** The commands of every block marked `console` in the README and the pages under docs. */
export function shownCommands(): ShownCommand[] {
  const docs = readdirSync(`${root}docs`, { recursive: true, encoding: 'utf8' }).map(
    (file) => `docs/${file}`,
  );
  const pages = ['README.md', ...docs.filter((file) => file.endsWith('.md')).sort()];
  return pages.flatMap((page) => commandsOf(page, readFileSync(`${root}${page}`, 'utf8')));
}

/** `$ ` begins a command; what follows up to the next one is its output. */
export function commandsOf(page: string, text: string): ShownCommand[] {
  return [...text.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = '']) =>
    withVariables(
      block
        .split(/^\$ /m)
        .slice(1)
        .map((entry) => {
          const [command = '', ...output] = entry.trimEnd().split(/(?<!\\)\n/);
          return { page, command, output: output.join('\n') };
        }),
    ),
  );
}

/** Each runs in a shell of its own: what sets variables is run again before the next one that prints something. */
function withVariables(commands: readonly ShownCommand[]): ShownCommand[] {
  const setting = (one: ShownCommand): boolean => one.output === '' && /^[A-Z_]+=/.test(one.command);
  return commands.flatMap((one, place) => {
    if (setting(one)) return [];
    const before = commands.slice(0, place).filter(setting);
    return [{ ...one, command: [...before, one].map(({ command }) => command).join('\n') }];
  });
}

/** Whether an output is the one that is shown; `…` stands for anything. */
export function isAsShown(shown: string, output: string): boolean {
  const parts = shown.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^]*?')}$`).test(output.trimEnd());
}
