import type { CrashWorld } from './crash-world.ts';

/** What the database itself saw of the writes of position and state. */
export type LeaseAudit = {
  readonly writes: number;
  readonly epochs: number;
  /** What must never happen, a line each. */
  readonly violations: readonly string[];
  /** How long after a moment, by the clock of this machine, the next epoch began; undefined where none did. */
  nextEpochAfter(ms: number): number | undefined;
};

/**
 * Lets the database note every change of position or state with the session that made it. Each process has its name in
 * its sessions, so that this needs nothing of the fence that it checks.
 */
export async function installLeaseAudit({ postgres }: CrashWorld): Promise<void> {
  await postgres.rows(`create table lease_audit (
    id bigserial primary key, at timestamptz not null default clock_timestamp(), writer text, holder text,
    old_epoch bigint, epoch bigint, old_position bytea, position bytea)`);
  await postgres.rows(`create function note_lease() returns trigger language plpgsql as $$
    begin
      insert into lease_audit (writer, holder, old_epoch, epoch, old_position, position)
      values (current_setting('tidemark.instance', true), coalesce(new.holder, old.holder) ->> 'name',
              old.epoch, new.epoch, old.replay_id, new.replay_id);
      return null;
    end $$`);
  await postgres.rows(`create trigger lease_audit after update on subscriptions for each row
    when ((old.epoch, old.replay_id, old.keepalive_replay_id, old.state, old.quiet_through, old.holder)
          is distinct from (new.epoch, new.replay_id, new.keepalive_replay_id, new.state, new.quiet_through, new.holder))
    execute function note_lease()`);
}

export async function readLeaseAudit({ postgres, simulator }: CrashWorld): Promise<LeaseAudit> {
  const rows = await postgres.rows<AuditRow>(
    `select extract(epoch from at)::float8 * 1000 as at, writer, holder, old_epoch as "oldEpoch", epoch,
            encode(old_position, 'hex') as "oldPosition", encode(position, 'hex') as position
       from lease_audit order by id`,
  );
  const places = new Map(
    simulator.bus.retained().map(({ replayId }, place) => [replayId.toString('hex'), place]),
  );
  const place = (position: string | null): number => (position === null ? -1 : (places.get(position) ?? -2));
  const violations = rows.flatMap((row) => {
    const { writer, holder, epoch, oldEpoch, position, oldPosition } = row;
    const isNext = BigInt(epoch) === BigInt(oldEpoch) || BigInt(epoch) === BigInt(oldEpoch) + 1n;
    return [
      ...(writer === holder ? [] : [`${writer} wrote in epoch ${epoch} of ${holder}`]),
      ...(isNext ? [] : [`epoch ${oldEpoch} was followed by ${epoch}`]),
      ...(place(position) >= place(oldPosition)
        ? []
        : [`the position went back from ${oldPosition} to ${position}`]),
      ...(place(position) === -2 ? [`position ${position} was never on the bus`] : []),
    ];
  });
  const begins = rows.filter(({ epoch, oldEpoch }) => epoch !== oldEpoch).map(({ at }) => at);
  return {
    writes: rows.length,
    epochs: begins.length,
    violations,
    nextEpochAfter(ms) {
      const begun = begins.find((at) => at > ms);
      return begun === undefined ? undefined : begun - ms;
    },
  };
}

type AuditRow = {
  readonly at: number;
  readonly writer: string | null;
  readonly holder: string | null;
  readonly oldEpoch: string;
  readonly epoch: string;
  readonly oldPosition: string | null;
  readonly position: string | null;
};
