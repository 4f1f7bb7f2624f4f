/** The UTC days of a literal such as `LAST_N_DAYS:5`: `[from, to)` in epoch milliseconds. */
export const dateRange = (name: string, count: number, now: number): DateRange => {
  const today = Math.floor(now / day) * day;
  switch (name) {
    case 'YESTERDAY':
      return { from: today - day, to: today };
    case 'TOMORROW':
      return { from: today + day, to: today + 2 * day };
    case 'LAST_N_DAYS':
      return { from: today - count * day, to: today + day };
    case 'NEXT_N_DAYS':
      return { from: today + day, to: today + (count + 1) * day };
    case 'N_DAYS_AGO':
      return { from: today - count * day, to: today - (count - 1) * day };
    default:
      return { from: today, to: today + day };
  }
};

const day = 86_400_000;

export type DateRange = { readonly from: number; readonly to: number };
