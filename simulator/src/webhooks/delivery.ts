import type { WebhookKind, WebhookSwitches } from '../faults/webhook-faults.ts';

/** A request that is sent until it is accepted. */
export type Parcel = {
  /** Called for each attempt: a signature is valid for minutes, and values are those of the time of sending. */
  readonly make: () => { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Number of events or notifications. */
  readonly size: number;
};

export type DeliveryOptions = {
  readonly kind: WebhookKind;
  readonly url: string;
  /** Whether the receiver has accepted it. */
  readonly isAccepted: (status: number, body: string) => boolean;
  readonly faults: WebhookSwitches;
  readonly now: () => number;
  /** First retry interval in milliseconds; doubles up to two hours. */
  readonly retryMs?: number;
};

const maxRetryMs = 2 * 3_600_000;
const abandonAfterMs = 24 * 3_600_000;
const timeoutMs = 60_000;

/** Sends parcels to one receiver with retries for up to 24 hours. */
export function createDelivery(options: DeliveryOptions) {
  const { faults, kind, now, retryMs = 1_000 } = options;
  const counts = { delivered: 0, requests: 0, failures: 0, abandoned: 0 };
  const stopping = new AbortController();
  let lastError: string | null = null;
  const strikes = (fault: keyof WebhookSwitches): boolean =>
    faults[fault].strike((parameters) => (parameters.kind ?? kind) === kind) !== undefined;

  async function request({ make }: Parcel): Promise<boolean> {
    const { body, headers } = make();
    counts.requests += 1;
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeoutMs)]);
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        headers,
        body,
        redirect: 'manual',
        signal,
      });
      const text = await response.text();
      if (options.isAccepted(response.status, text)) return true;
      lastError = `${response.status} ${text.slice(0, 300)}`;
    } catch (error) {
      lastError =
        error instanceof Error ? `${error.message} ${String(error.cause ?? '')}`.trim() : String(error);
    }
    counts.failures += 1;
    return false;
  }

  async function tryOnce(parcel: Parcel): Promise<boolean> {
    const isDropped = strikes('dropAnswer');
    const isAccepted = await request(parcel);
    if (strikes('duplicate')) await request(parcel);
    return isAccepted && !isDropped;
  }

  return {
    isReordered: () => strikes('reordered'),
    /** Resolves when the parcel is accepted or abandoned, or the delivery stops. */
    async send(parcel: Parcel): Promise<void> {
      const end = now() + abandonAfterMs;
      for (let gapMs = retryMs; !stopping.signal.aborted; gapMs = Math.min(gapMs * 2, maxRetryMs)) {
        if (await tryOnce(parcel)) {
          counts.delivered += parcel.size;
          return;
        }
        if (now() + gapMs > end) {
          counts.abandoned += parcel.size;
          return;
        }
        await rest(gapMs, stopping.signal);
      }
    },
    state: (): DeliveryState => ({ url: options.url, kind, ...counts, lastError }),
    stop: () => stopping.abort(),
  };
}

function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}

export type DeliveryState = {
  readonly kind: WebhookKind;
  readonly url: string;
  /** Accepted events or notifications. */
  readonly delivered: number;
  readonly requests: number;
  readonly failures: number;
  /** Events or notifications that were not accepted for 24 hours. */
  readonly abandoned: number;
  readonly lastError: string | null;
};
