/** Counts the org's API requests against its daily allowance; the count starts again with every UTC day. */
export const createRequestAllowance = (max: number, now: () => number): RequestAllowance => {
  let day = today(now);
  let used = 0;
  const roll = () => {
    if (day === today(now)) return;
    day = today(now);
    used = 0;
  };
  return {
    max,
    get used() {
      roll();
      return used;
    },
    take: () => {
      roll();
      if (used >= max) return false;
      used += 1;
      return true;
    },
  };
};

const today = (now: () => number): number => Math.floor(now() / 86_400_000);

export type RequestAllowance = {
  readonly max: number;
  readonly used: number;
  /** Counts one request; false when the day's allowance is used up. */
  take(): boolean;
};
