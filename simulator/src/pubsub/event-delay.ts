/** Holds events back for a while; what comes behind them waits too, so that nothing is overtaken. */
export function createEventDelay<Events>(
  delayMs: () => number,
  show: (events: Events) => void,
): EventDelay<Events> {
  const held: { readonly events: Events; isDue: boolean }[] = [];

  function showDue(): void {
    for (let first = held[0]; first?.isDue; first = held[0]) {
      held.shift();
      show(first.events);
    }
  }

  return {
    pass(events) {
      const wait = delayMs();
      if (wait === 0 && held.length === 0) {
        show(events);
        return;
      }
      const waiting = { events, isDue: false };
      held.push(waiting);
      setTimeout(() => {
        waiting.isDue = true;
        showDue();
      }, wait).unref();
    },
    release() {
      for (const waiting of held) waiting.isDue = true;
      showDue();
    },
  };
}

export type EventDelay<Events> = {
  /** Shows events at once, or when their time has come. */
  pass(events: Events): void;
  /** Shows at once what is held back. */
  release(): void;
};
