import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { createOutput } from '../../src/cli/output.ts';
import { formatTable } from '../../src/cli/table.ts';
import { standardStreams } from '../helpers/command.ts';

const open = (options: { isTTY?: boolean; columns?: number } = {}, environment: NodeJS.ProcessEnv = {}) => {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), options);
  const out = createOutput(standardStreams(stream), environment);
  return { out, shown: (): string => stream.read() ?? '' };
};

describe('the output of the command line', () => {
  test.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
    [{}, {}, false],
    [{}, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    [{ isTTY: true }, { FORCE_COLOR: '0' }, false],
  ])('the output %j with the environment %j has colors: %s', (options, environment, isColored) => {
    const { out } = open(options, environment);
    expect(out.paint('red', 'x') !== 'x').toBe(isColored);
  });

  test('a terminal is refreshed in place, each line cleared to its end', () => {
    const { out, shown } = open({ isTTY: true });
    out.redraw('one\ntwo');
    expect(shown()).toBe('\u001b[Hone\u001b[K\ntwo\u001b[K\n\u001b[J');
  });

  test('a table aligns its columns and is cut at the width of the terminal', () => {
    const rows = [
      ['1', 'open', 'a long explanation'],
      ['22', 'repairing', 'short'],
    ];
    expect(formatTable(open().out, rows, ['ID', 'STATE', 'DETAIL'])).toBe(
      'ID  STATE      DETAIL\n1   open       a long explanation\n22  repairing  short',
    );
    const { out } = open({ isTTY: true, columns: 21 }, { NO_COLOR: '1' });
    expect(formatTable(out, rows).split('\n')).toEqual(['1   open       a lon…', '22  repairing  short']);
  });

  test('values cannot control the terminal or break a line', () => {
    const table = formatTable(open().out, [['\u001b[2JAcme\r\nTrading\u009b', '\u202eevil']]);
    expect(table).toBe('\ufffd[2JAcme Trading\ufffd  \ufffdevil');
  });
});
