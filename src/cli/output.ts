import { styleText } from 'node:util';

/** Where a command writes its result; notes and errors go to the standard error. */
export type Output = {
  readonly isTerminal: boolean;
  /** Width of the terminal; null if the output is not a terminal. */
  readonly columns: number | null;
  /** Applies a color if the output is to have colors. */
  paint(color: Color, text: string): string;
  print(text: string): void;
  printJson(value: unknown): void;
  /** Replaces what the terminal shows. */
  redraw(text: string): void;
};

export type Color = 'red' | 'yellow' | 'green' | 'bold' | 'dim';

type Environment = Readonly<Record<string, string | undefined>>;

/** Colors follow FORCE_COLOR, then NO_COLOR and the terminal. */
export function createOutput(stream: NodeJS.WriteStream, environment: Environment): Output {
  const isColored = shouldColor(stream, environment);
  const print = (text: string): void => void stream.write(`${text}\n`);
  return {
    isTerminal: stream.isTTY === true,
    columns: stream.isTTY === true ? stream.columns : null,
    paint: (color, text) => (isColored ? styleText(color, text, { validateStream: false }) : text),
    print,
    printJson: (value) => print(JSON.stringify(value, null, 2)),
    redraw(text) {
      if (stream.isTTY !== true) return print(text);
      // From the top left, each line and then the rest of the screen is cleared: this does not flicker.
      stream.write(`\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[K\n\u001b[J`);
    },
  };
}

function shouldColor(stream: NodeJS.WriteStream, environment: Environment): boolean {
  const forced = environment['FORCE_COLOR'];
  if (forced !== undefined) return !['0', 'false'].includes(forced);
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

/** Writes a note that is not part of the result. */
export function printNote(text: string): void {
  process.stderr.write(`${toPrintable(text)}\n`);
}

/** Text in one line without control characters: values of Salesforce must not control the terminal. */
export function toPrintable(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
}
