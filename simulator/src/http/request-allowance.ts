/** Counts requests against a daily limit; the count is reset at midnight UTC. */
export const createRequestAllowance = (firstMax: number, now: () => number): RequestAllowance => {
  let max = firstMax;
  let day = today(now);
  let used = 0;
  const roll = () => {
    if (day === today(now)) return;
    day = today(now);
    used = 0;
  };
  const usedToday = () => {
    roll();
    return used;
  };
  return {
    get max() {
      return max;
    },
    get used() {
      return usedToday();
    },
    get remaining() {
      return Math.max(0, max - usedToday());
    },
    take: () => {
      if (usedToday() >= max) return false;
      used += 1;
      return true;
    },
    count: (amount) => {
      used = usedToday() + amount;
    },
    set: (values) => {
      const before = usedToday();
      max = values.max ?? max;
      used = values.used ?? before;
    },
    refill: () => {
      roll();
      used = 0;
    },
  };
};

const today = (now: () => number): number => Math.floor(now() / 86_400_000);

/** A daily limit that tests can exhaust and refill. */
export type Allowance = {
  readonly max: number;
  readonly used: number;
  readonly remaining: number;
  /** Omitted values stay unchanged. `used` is reset at midnight UTC. */
  set(values: { readonly max?: number | undefined; readonly used?: number | undefined }): void;
  /** Sets `used` to 0. */
  refill(): void;
};

export type RequestAllowance = Allowance & {
  /** Counts one request; false if the limit is reached. */
  take(): boolean;
  /** Counts an amount even beyond the limit. */
  count(amount: number): void;
};
