/** Limits on the memory of request bodies. */
export type BodyLimits = {
  /** Total bytes of all clients. */
  readonly maxBytes: number;
  readonly maxBytesPerClient: number;
  /** Bodies of one client that are not received completely. */
  readonly maxUnfinishedPerClient: number;
};

export const defaultBodyLimits: BodyLimits = {
  maxBytes: 32 * 1024 ** 2,
  maxBytesPerClient: 16 * 1024 ** 2,
  maxUnfinishedPerClient: 8,
};

/** The limit that was reached: of one client or of all clients. */
export type BodyRejection = 'client' | 'all';

/** The bytes of one body. */
export type BodyCharge = {
  /** Charges bytes before they are buffered; rejected bytes are not charged. */
  grow(bytes: number): BodyRejection | undefined;
  /** Called when the body is complete; its bytes stay charged. */
  finish(): void;
  /** Called when the bytes are no longer needed; idempotent. */
  release(): void;
};

export type BodyBudget = {
  /** @param client IP address */
  open(client: string): BodyCharge | undefined;
  /** Currently charged bytes. */
  used(): number;
};

/** Charges bodies while they are received, so that many or slow clients cannot exhaust the memory. */
export function createBodyBudget(limits: BodyLimits): BodyBudget {
  const clients = new Map<string, { bytes: number; unfinished: number; open: number }>();
  let all = 0;

  function open(client: string): BodyCharge | undefined {
    const own = clients.get(client) ?? { bytes: 0, unfinished: 0, open: 0 };
    if (own.unfinished >= limits.maxUnfinishedPerClient) return undefined;
    clients.set(client, own);
    own.unfinished += 1;
    own.open += 1;
    let bytes = 0;
    let isFinished = false;
    let isReleased = false;
    const finish = (): void => {
      if (!isFinished) own.unfinished -= 1;
      isFinished = true;
    };
    return {
      grow(more) {
        if (isReleased || own.bytes + more > limits.maxBytesPerClient) return 'client';
        if (all + more > limits.maxBytes) return 'all';
        bytes += more;
        own.bytes += more;
        all += more;
        return undefined;
      },
      finish,
      release() {
        if (isReleased) return;
        isReleased = true;
        finish();
        own.bytes -= bytes;
        own.open -= 1;
        all -= bytes;
        if (own.open === 0) clients.delete(client);
      },
    };
  }

  return { open, used: () => all };
}
