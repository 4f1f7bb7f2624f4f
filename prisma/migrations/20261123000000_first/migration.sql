CREATE TABLE "accounts" (
    "id" TEXT NOT NULL,
    "fields" JSONB NOT NULL,
    "name" TEXT,
    "account_number" TEXT,
    "salesforce_code" TEXT,
    "created_at" TIMESTAMPTZ(3),
    "modified_at" TIMESTAMPTZ(3),
    "deleted" BOOLEAN NOT NULL DEFAULT false,
    "deleted_at" TIMESTAMPTZ(3),
    "base_version" TEXT NOT NULL,
    "field_versions" JSONB NOT NULL,
    "version" TEXT NOT NULL,
    "signup_code" TEXT,
    "code_state" TEXT NOT NULL DEFAULT 'none'
        CHECK ("code_state" IN ('none', 'pending', 'written', 'confirmed', 'failed')),
    "code_error" JSONB,
    "code_attempts" INTEGER NOT NULL DEFAULT 0,
    "code_attempted_at" TIMESTAMPTZ(3),
    "stale_version" TEXT,
    "stale_since" TIMESTAMPTZ(3),
    "synced_at" TIMESTAMPTZ(3) NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "revision" BIGINT NOT NULL DEFAULT 1,

    CONSTRAINT "accounts_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "accounts_signup_code_key" ON "accounts"("signup_code");
CREATE INDEX "accounts_modified_at_id" ON "accounts"("modified_at", "id");
CREATE INDEX "accounts_name_id" ON "accounts"("name", "id");
CREATE INDEX "accounts_name_prefix" ON "accounts"("name" text_pattern_ops);
CREATE INDEX "accounts_created_at_id" ON "accounts"("created_at", "id");
CREATE INDEX "accounts_account_number" ON "accounts"("account_number");
CREATE INDEX "accounts_changed_at_id" ON "accounts"("changed_at", "id");
-- Small sets that operators look at; partial and pattern indexes are outside what the Prisma schema can say.
CREATE INDEX "accounts_stale" ON "accounts"("id") WHERE "stale_version" IS NOT NULL;
CREATE INDEX "accounts_code_open" ON "accounts"("code_state", "id") WHERE "code_state" IN ('pending', 'written', 'failed');

CREATE TABLE "events" (
    "id" BIGSERIAL NOT NULL,
    "topic" TEXT NOT NULL,
    "source" TEXT NOT NULL CHECK ("source" IN ('stream', 'webhook')),
    "event_id" TEXT NOT NULL,
    "schema_id" TEXT NOT NULL,
    "replay_id" BYTEA,
    "payload" BYTEA NOT NULL,
    "digest" BYTEA NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "state" TEXT NOT NULL DEFAULT 'stored'
        CHECK ("state" IN ('stored', 'applied', 'skipped', 'failed')),
    "error" TEXT,
    "position" BIGINT,
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

    CONSTRAINT "events_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "events_position_key" ON "events"("position");
CREATE UNIQUE INDEX "events_event_id_digest" ON "events"("event_id", "digest");
CREATE INDEX "events_record_ids" ON "events" USING GIN ("record_ids");
CREATE INDEX "events_transaction_key" ON "events"("transaction_key", "sequence_number");
CREATE INDEX "events_received_at" ON "events"("received_at");
CREATE INDEX "events_unapplied" ON "events"("topic", "id") WHERE "state" = 'stored';
CREATE INDEX "events_failed" ON "events"("id") WHERE "state" = 'failed';
-- The order in which events take effect, drawn inside the applying transaction.
CREATE SEQUENCE "event_positions";

CREATE TABLE "event_schemas" (
    "id" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    "fetched_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "event_schemas_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "subscriptions" (
    "topic" TEXT NOT NULL,
    "organization_id" TEXT NOT NULL,
    "replay_id" BYTEA,
    "position_at" TIMESTAMPTZ(3),
    "state" TEXT NOT NULL DEFAULT 'idle'
        CHECK ("state" IN ('idle', 'connecting', 'streaming', 'waiting', 'stopped')),
    "state_since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "last_error" JSONB,
    "last_event_at" TIMESTAMPTZ(3),
    "last_keepalive_at" TIMESTAMPTZ(3),
    "quiet_through" BIGINT NOT NULL DEFAULT 0,
    "watermark" TEXT,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "loaded_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("topic")
);

CREATE TABLE "resyncs" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "scope" TEXT NOT NULL CHECK ("scope" IN ('all', 'since', 'accounts')),
    "reason" TEXT NOT NULL,
    "account_ids" TEXT[],
    "since" TIMESTAMPTZ(3),
    "state" TEXT NOT NULL DEFAULT 'queued'
        CHECK ("state" IN ('queued', 'reading', 'applying', 'done', 'failed', 'cancelled')),
    "watermark" TEXT,
    "read" INTEGER NOT NULL DEFAULT 0,
    "created" INTEGER NOT NULL DEFAULT 0,
    "updated" INTEGER NOT NULL DEFAULT 0,
    "unchanged" INTEGER NOT NULL DEFAULT 0,
    "deleted" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "error" TEXT,
    "requested_by" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "resyncs_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "resyncs_created_at_id" ON "resyncs"("created_at", "id");
