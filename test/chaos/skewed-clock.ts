import { readFileSync } from 'node:fs';

// Loaded before the service: its wall clock is wrong by as many milliseconds as a file says.
const skewMs = Number(readFileSync(process.env['TEST_CLOCK_SKEW_FILE'] ?? '', 'utf8'));
const RealDate = Date;
const now = (): number => RealDate.now() + skewMs;

globalThis.Date = new Proxy(RealDate, {
  construct: (target, values, newTarget) =>
    Reflect.construct(target, values.length === 0 ? [now()] : values, newTarget),
  apply: () => new RealDate(now()).toString(),
  get: (target, name, receiver) => (name === 'now' ? now : Reflect.get(target, name, receiver)),
});
