/** Delays events. Later events wait too, so that the order is kept. */
export function createEventDelay<Events>(delayMs: () => number, show: (events: Events) => void) {
  const held: { readonly events: Events; isDue: boolean }[] = [];

  function showDue(): void {
    for (let first = held[0]; first?.isDue; first = held[0]) {
      held.shift();
      show(first.events);
    }
  }

  return {
    pass(events: Events): void {
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
    /** Publishes delayed events immediately. */
    release(): void {
      for (const waiting of held) waiting.isDue = true;
      showDue();
    },
  };
}
