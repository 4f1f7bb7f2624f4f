/** Counts the org's API requests against its daily allowance; the count starts again with every UTC day. */
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
    set: (given) => {
      const before = usedToday();
      max = given.max ?? max;
      used = given.used ?? before;
    },
    refill: () => {
      roll();
      used = 0;
    },
  };
};

const today = (now: () => number): number => Math.floor(now() / 86_400_000);

/** What tests see of it: they let it run out and refill whenever they like. */
export type Allowance = {
  readonly max: number;
  readonly used: number;
  readonly remaining: number;
  /** What is left out stays. Whatever is set here, `used` is 0 again with the next UTC day. */
  set(given: { readonly max?: number | undefined; readonly used?: number | undefined }): void;
  /** As if a new day began: nothing is used. */
  refill(): void;
};

export type RequestAllowance = Allowance & {
  /** Counts one request; false when the day's allowance is used up. */
  take(): boolean;
  /** Counts so much more without refusing it. */
  count(amount: number): void;
};
