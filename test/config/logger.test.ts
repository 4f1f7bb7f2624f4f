import { describe, expect, it } from 'vitest';
import type { LogFormat } from '../../src/config/config.ts';
import { createLogger } from '../../src/start/logger.ts';

function logTo(isTTY: boolean, logFormat: LogFormat) {
  const lines: string[] = [];
  const output = { isTTY, stream: { write: (text: string) => void lines.push(text) } };
  return { logger: createLogger({ logLevel: 'info', logFormat }, output), lines };
}

describe('the log format', () => {
  it.each<[LogFormat, boolean, 'pretty' | 'json']>([
    ['auto', true, 'pretty'],
    ['auto', false, 'json'],
    ['pretty', false, 'pretty'],
    ['json', true, 'json'],
  ])('LOG_FORMAT=%s with a terminal (%s) is %s', (logFormat, isTTY, expected) => {
    const { logger, lines } = logTo(isTTY, logFormat);
    logger.info({ events: 3 }, 'stream connected');
    expect(lines).toHaveLength(1);
    if (expected === 'json') {
      expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 30, events: 3, msg: 'stream connected' });
    } else {
      expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z INFO {2}stream connected events=3\n$/);
    }
  });

  it('a pretty entry contains the stack of its error', () => {
    const { logger, lines } = logTo(true, 'auto');
    logger.error({ err: new Error('no route to host') }, 'request failed');
    expect(lines[0]).toMatch(/ ERROR request failed\nError: no route to host\n {4}at /);
  });

  it('a pretty entry quotes text with spaces and escapes control characters', () => {
    const { logger, lines } = logTo(true, 'auto');
    logger.warn({ topic: '/data/AccountChangeEvent', reason: 'two words \u001b[2J' }, 'stream \u001b[2Jdown');
    expect(lines[0]).toContain(
      'stream \\u001b[2Jdown topic=/data/AccountChangeEvent reason="two words \\u001b[2J"\n',
    );
  });

  it('secrets are redacted in every format', () => {
    for (const format of ['pretty', 'json'] as const) {
      const { logger, lines } = logTo(false, format);
      logger.info({ login: { password: 'hunter2' } }, 'signing in');
      expect(lines.join()).not.toContain('hunter2');
    }
  });
});
