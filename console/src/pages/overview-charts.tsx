import { useMemo } from 'preact/hooks';
import type { Schemas } from '../api.ts';
import { Chart, type Point } from '../components/chart.tsx';
import { Section } from '../components/page.tsx';
import { Table } from '../components/table.tsx';
import { formatDuration, formatNumber, formatShortTime } from '../format.ts';

type Minute = Schemas['Minute'];

/** The last 24 hours, minute by minute; the table has the same by hour. */
export function Charts({ minutes }: { readonly minutes: readonly Minute[] }) {
  const series = useMemo(() => {
    const of = (value: (minute: Minute) => number | null): Point[] =>
      minutes.map((minute) => ({ at: Date.parse(minute.minute), value: value(minute) }));
    return {
      events: of((minute) => minute.events),
      lag: of((minute) => minute.maxLagMilliseconds),
      codes: of((minute) => minute.codes),
      errors: of(errorsOf),
    };
  }, [minutes]);
  return (
    <Section title="Last 24 hours">
      <div class="charts">
        <Chart title="Events per minute" unit="count" points={series.events} />
        <Chart title="Lag" unit="duration" points={series.lag} />
        <Chart title="Codes per minute" unit="count" points={series.codes} />
        <Chart title="Errors per minute" unit="count" points={series.errors} isFailure />
      </div>
      <details>
        <summary>The same as a table</summary>
        <Table
          label="The last 24 hours by hour"
          rows={byHour(minutes)}
          keyOf={({ hour }) => hour}
          empty="No minute has been measured yet: the process that follows the stream writes one a minute."
          columns={[
            { head: 'Hour', cell: ({ hour }) => formatShortTime(hour) },
            { head: 'Events', isNumber: true, cell: ({ events }) => formatNumber(events) },
            {
              head: 'Highest lag',
              isNumber: true,
              cell: ({ lag }) => (lag === null ? '–' : formatDuration(lag)),
            },
            { head: 'Codes', isNumber: true, cell: ({ codes }) => formatNumber(codes) },
            { head: 'Errors', isNumber: true, cell: ({ errors }) => formatNumber(errors) },
          ]}
        />
      </details>
    </Section>
  );
}

function errorsOf({ failedEvents, failedCodes, connectionErrors }: Minute): number {
  return failedEvents + failedCodes + connectionErrors;
}

function byHour(minutes: readonly Minute[]) {
  const hours = Map.groupBy(minutes, ({ minute }) => `${minute.slice(0, 13)}:00:00.000Z`);
  return [...hours].reverse().map(([hour, all]) => ({
    hour,
    events: all.reduce((sum, { events }) => sum + events, 0),
    codes: all.reduce((sum, { codes }) => sum + codes, 0),
    errors: all.reduce((sum, minute) => sum + errorsOf(minute), 0),
    lag: all.reduce<number | null>(
      (max, { maxLagMilliseconds: lag }) => (lag === null ? max : Math.max(max ?? 0, lag)),
      null,
    ),
  }));
}
