DROP TABLE "events"; DROP SEQUENCE IF EXISTS "event_positions";
-- The events as received: inserted and deleted, never updated.
CREATE TABLE "events" (
    -- The order of arrival. Several writers commit out of this order.
    "id" BIGSERIAL NOT NULL,
    "topic" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    -- The id that the producer gave it: a UUID on the Pub/Sub API.
    "event_id" TEXT NOT NULL,
    "schema_id" TEXT NOT NULL,
    -- Opaque bytes.
    "replay_id" BYTEA,
    -- As received: raw Avro for the stream.
    "payload" BYTEA NOT NULL,
    -- Half of a SHA-256: a repeated delivery has the same key. Several events can share one id.
    "key" UUID NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "events_key_key" ON "events"("key");
CREATE INDEX "events_event_id" ON "events" USING HASH ("event_id");
CREATE INDEX "events_received_at" ON "events"("received_at");

-- The events that are not applied yet: inserted with the event, deleted by the transaction that applies it.
CREATE TABLE "event_queue" (
    "topic" TEXT NOT NULL,
    "event_id" BIGINT NOT NULL,
    -- How often it was tried to apply it.
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    -- Webhooks only: their transactions are grouped before they are decoded.
    "transaction_key" TEXT,
    CONSTRAINT "event_queue_pkey" PRIMARY KEY ("topic", "event_id")
);
CREATE INDEX "event_queue_transaction_key" ON "event_queue"("transaction_key") WHERE "transaction_key" IS NOT NULL;
-- Every row dies soon, and readers step over dead entries of the index until they are vacuumed.
ALTER TABLE "event_queue" SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);

-- The order in which events take effect, drawn inside the applying transaction.
CREATE SEQUENCE "event_positions";
-- What became of an event. No foreign key: its check would write to the row of the event.
CREATE TABLE "event_outcomes" (
    "position" BIGINT NOT NULL DEFAULT nextval('event_positions'),
    "event_id" BIGINT NOT NULL,
    "source" TEXT NOT NULL,
    -- `applied`, `skipped`, `failed`; `repaired` or `dismissed` after a failure; `stored` if it was returned to the queue.
    "state" TEXT NOT NULL,
    "error" TEXT,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "applied_at" TIMESTAMPTZ(3),
    "entity_name" TEXT,
    "change_type" TEXT,
    "record_ids" TEXT[],
    "transaction_key" TEXT,
    "sequence_number" INTEGER,
    "commit_timestamp" TIMESTAMPTZ(3),
    "commit_number" BIGINT,
    "commit_user" TEXT,
    "change_origin" TEXT,
    "changed_fields" TEXT[],
    -- The earlier event with the same change, from the other source.
    "duplicate_of" BIGINT,
    -- `{"by", "at", "reason"}` in the state `dismissed`.
    "dismissal" JSONB,
    CONSTRAINT "event_outcomes_pkey" PRIMARY KEY ("position")
);
CREATE UNIQUE INDEX "event_outcomes_event_id_key" ON "event_outcomes"("event_id");
CREATE INDEX "event_outcomes_record_ids" ON "event_outcomes" USING GIN ("record_ids");
CREATE INDEX "event_outcomes_transaction_key" ON "event_outcomes"("transaction_key", "sequence_number");
CREATE INDEX "event_outcomes_webhook_transaction" ON "event_outcomes"("transaction_key", "sequence_number") WHERE "source" = 'webhook';
CREATE INDEX "event_outcomes_failures" ON "event_outcomes"("state", "event_id") WHERE "state" IN ('failed', 'repaired', 'dismissed');
-- Most events are updates; what is rarer is found without reading all of them.
CREATE INDEX "event_outcomes_change_type" ON "event_outcomes"("change_type", "event_id") WHERE "change_type" <> 'UPDATE';

-- The event log: every event and what became of it. `outcome` is the state that can use the indexes of the outcomes.
CREATE VIEW "event_log" AS
    SELECT e.id, e.topic, e.source, e.event_id, e.schema_id, e.replay_id, e.payload, e.received_at,
           coalesce(o.state, 'stored') AS state, o.state AS outcome, o.error, o.attempts, o.position, o.applied_at,
           o.entity_name, o.change_type, o.record_ids, o.transaction_key, o.sequence_number, o.commit_timestamp,
           o.commit_number, o.commit_user, o.change_origin, o.changed_fields, o.duplicate_of, o.dismissal
      FROM events e LEFT JOIN event_outcomes o ON o.event_id = e.id;
