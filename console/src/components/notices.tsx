import { signal } from '@preact/signals';

const notice = signal<{ readonly text: string; readonly id: number } | undefined>(undefined);
let lastId = 0;

/** Shows what an action did, and announces it to screen readers. */
export function announce(text: string): void {
  const id = ++lastId;
  notice.value = { text, id };
  setTimeout(() => {
    if (notice.value?.id === id) notice.value = undefined;
  }, 8_000);
}

export function Notices() {
  return (
    <div class="notices" role="status">
      {notice.value && <p key={notice.value.id}>{notice.value.text}</p>}
    </div>
  );
}
