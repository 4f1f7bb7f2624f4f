import { describe, expect, it } from 'vitest';
import { createDatabaseOutageReporter } from '../../src/health/database-outage.ts';
import { createProcessFaults } from '../../src/health/process-faults.ts';

function observe() {
  const lines: [level: string, message: string, fields: object][] = [];
  const at =
    (level: string) =>
    (fields: object | string, message = ''): void =>
      void lines.push(typeof fields === 'string' ? [level, fields, {}] : [level, message, fields]);
  const faults = createProcessFaults();
  let now = Date.parse('2026-11-29T10:00:00.000Z');
  const logger = { debug: at('debug'), info: at('info'), warn: at('warn') };
  const reporter = createDatabaseOutageReporter(faults, logger, () => now);
  const shown = () => lines.filter(([level]) => level !== 'debug');
  const wait = (ms: number): void => {
    now += ms;
  };
  return { reporter, faults, shown, wait };
}

const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' });

describe('an outage of the database', () => {
  it('an outage has one line with its cause and action when it begins and one when it ends', () => {
    const { reporter, faults, shown, wait } = observe();
    for (let tries = 0; tries < 5; tries++) {
      reporter.failed(refused);
      wait(1_000);
    }
    expect(faults.list()).toMatchObject([{ area: 'database', since: new Date('2026-11-29T10:00:00.000Z') }]);
    reporter.connected();
    expect(faults.list()).toEqual([]);
    expect(shown()).toEqual([
      [
        'warn',
        'database disconnected',
        {
          code: 'database-unreachable',
          reason: 'connect ECONNREFUSED 127.0.0.1:5432',
          action: expect.stringContaining('Check that PostgreSQL runs'),
          since: new Date('2026-11-29T10:00:00.000Z'),
        },
      ],
      ['info', 'database reconnected', { seconds: 5 }],
    ]);
  });

  it('a connection that is opened again at the next try is no outage', () => {
    const { reporter, faults, shown } = observe();
    reporter.failed(refused);
    reporter.connected();
    expect(faults.list()).toEqual([]);
    expect(shown()).toEqual([['info', 'database connection lost and reopened', {}]]);
  });

  it('an outage begins when a probe found it, if that was earlier', () => {
    const { reporter, faults } = observe();
    const since = new Date('2026-11-29T09:59:50.000Z');
    faults.set('database', { code: 'database-unreachable', message: 'm', action: 'a' }, since);
    reporter.failed(refused);
    reporter.failed(refused);
    expect(faults.list()).toMatchObject([{ since }]);
  });
});
