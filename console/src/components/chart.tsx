import 'uplot/dist/uPlot.min.css';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatDuration, formatNumber } from '../format.ts';

export type Point = { readonly at: number; readonly value: number | null };

type Props = {
  readonly title: string;
  /** One value a minute, oldest first; `at` in epoch milliseconds. */
  readonly points: readonly Point[];
  readonly unit: 'count' | 'duration';
  /** Values that are a failure if they are not zero. */
  readonly isFailure?: boolean;
};

/** A line over the last 24 hours. Its label has the numbers in words; the table below has them by hour. */
export function Chart({ title, points, unit, isFailure = false }: Props) {
  const element = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const format = unit === 'duration' ? formatDuration : formatNumber;
  const values = points.flatMap(({ value }) => value ?? []);
  const last = values.at(-1);
  const max = values.length === 0 ? undefined : Math.max(...values);
  const summary =
    last === undefined || max === undefined ? 'no data yet' : `now ${format(last)}, at most ${format(max)}`;

  useEffect(() => {
    const holder = element.current;
    if (holder === null) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsFor(holder, { isFailure, format }), toColumns(points), holder);
    };
    draw();
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: holder.clientWidth, height }));
    observer.observe(holder);
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      observer.disconnect();
      scheme.removeEventListener('change', draw);
      plot.current?.destroy();
    };
  }, [points, isFailure, format]);

  return (
    <figure>
      <figcaption>
        {title} <span class="quiet">{summary}</span>
      </figcaption>
      <div ref={element} class="plot" role="img" aria-label={`${title} in the last 24 hours: ${summary}`} />
    </figure>
  );
}

const height = 110;
/** A new installation has few minutes: they fill the chart. */
const minShownMinutes = 60;

function toColumns(points: readonly Point[]): uPlot.AlignedData {
  // A minute without a value is a gap, not a line across it.
  const end = Math.floor(Date.now() / 60_000);
  const byMinute = new Map(points.map(({ at, value }) => [Math.floor(at / 60_000), value]));
  const start = Math.min(...byMinute.keys(), end);
  const length = Math.min(Math.max(end - start + 1, minShownMinutes), 1_440);
  const minutes = Array.from({ length }, (_, index) => end - length + 1 + index);
  return [minutes.map((minute) => minute * 60), minutes.map((minute) => byMinute.get(minute) ?? null)];
}

function optionsFor(
  holder: HTMLElement,
  { isFailure, format }: { isFailure: boolean; format: (value: number) => string },
): uPlot.Options {
  const style = getComputedStyle(holder);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const stroke = color(isFailure ? '--bad' : '--accent');
  const axis = { stroke: color('--quiet'), font: `11px ${style.fontFamily}`, ticks: { show: false } };
  return {
    width: holder.clientWidth,
    height,
    padding: [8, 16, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(max ?? 0, 1) * 1.1] } },
    axes: [
      {
        ...axis,
        size: 22,
        grid: { show: false },
        values: (_plot, splits) => splits.map((second) => hour.format(second * 1_000)),
      },
      {
        ...axis,
        size: 64,
        grid: { stroke: color('--line'), width: 1 },
        splits: (_plot, _axis, _min, max) => (max > 2 ? [0, max / 2.2, max / 1.1] : [0, max / 1.1]),
        values: (_plot, splits) => splits.map((value) => format(Math.round(value))),
      },
    ],
    series: [
      {},
      {
        stroke,
        width: 1.25,
        fill: color(isFailure ? '--bad-soft' : '--accent-soft'),
        points: { show: false },
      },
    ],
  };
}

const hour = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
