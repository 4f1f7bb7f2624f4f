/** How much of request bodies may be in memory. */
export type BodyLimits = {
  /** Bytes of all clients together. */
  readonly maxBytes: number;
  /** Bytes of one client: others still find room. */
  readonly maxBytesOfOne: number;
  /** Bodies of one client of which the end has not arrived. */
  readonly maxUnfinishedOfOne: number;
};

export const defaultBodyLimits: BodyLimits = {
  maxBytes: 32 * 1024 ** 2,
  maxBytesOfOne: 16 * 1024 ** 2,
  maxUnfinishedOfOne: 8,
};

/**
 * - `client`: this client has as much under way as one may have
 * - `all`: all clients together have
 */
export type BodyRefusal = 'client' | 'all';

/** The share of one body. */
export type BodyCharge = {
  /** Asks for room before the bytes are kept; what is refused is not charged. */
  grow(bytes: number): BodyRefusal | undefined;
  /** The end has arrived; the bytes stay charged. */
  finish(): void;
  /** The bytes are needed no more. Does nothing the second time. */
  release(): void;
};

export type BodyBudget = {
  /** @param client its address */
  open(client: string): BodyCharge | undefined;
  /** Bytes that are charged now. */
  used(): number;
};

/** Charges bodies while they arrive, so that no number of clients and no slow one can fill the memory. */
export function createBodyBudget(limits: BodyLimits): BodyBudget {
  const clients = new Map<string, { bytes: number; unfinished: number; open: number }>();
  let all = 0;

  function open(client: string): BodyCharge | undefined {
    const own = clients.get(client) ?? { bytes: 0, unfinished: 0, open: 0 };
    if (own.unfinished >= limits.maxUnfinishedOfOne) return undefined;
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
        if (isReleased || own.bytes + more > limits.maxBytesOfOne) return 'client';
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
