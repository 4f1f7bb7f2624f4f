-- A resync is a job that can be followed, resumed, cancelled and asked to compare instead of repair.
ALTER TABLE "resyncs"
    ADD COLUMN "mode" TEXT NOT NULL DEFAULT 'repair' CHECK ("mode" IN ('repair', 'verify', 'sample')),
    -- Verifies only: whether what differs is repaired when all is compared.
    ADD COLUMN "repairs" BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN "method" TEXT CHECK ("method" IN ('rest', 'bulk')),
    -- The records that Salesforce says there are.
    ADD COLUMN "expected" INTEGER,
    ADD COLUMN "read_at" TIMESTAMPTZ(3),
    ADD COLUMN "schema_id" TEXT,
    ADD COLUMN "position" BYTEA,
    ADD COLUMN "log_position" BIGINT,
    -- Where the reading goes on after an interruption.
    ADD COLUMN "bulk_asked_at" TIMESTAMPTZ(3),
    ADD COLUMN "bulk_job_id" TEXT,
    ADD COLUMN "bulk_job_closed_at" TIMESTAMPTZ(3),
    ADD COLUMN "resume_at" TEXT,
    ADD COLUMN "resume_rows" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "kept" INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN "events_meanwhile" INTEGER,
    ADD COLUMN "different" INTEGER,
    ADD COLUMN "verified_through" TIMESTAMPTZ(3),
    ADD COLUMN "unknown_ids" TEXT[] NOT NULL DEFAULT '{}',
    ADD COLUMN "invalid_ids" TEXT[] NOT NULL DEFAULT '{}',
    -- Why it does not go on just now: the API budget, or a failure that is tried again.
    ADD COLUMN "waiting" JSONB;
CREATE INDEX "resyncs_open" ON "resyncs"("created_at") WHERE "state" IN ('queued', 'reading', 'applying');
CREATE INDEX "resyncs_verified" ON "resyncs"("finished_at") WHERE "mode" <> 'repair' AND "state" = 'done';

-- What a verify found: one row an account.
CREATE TABLE "resync_differences" (
    "resync_id" UUID NOT NULL REFERENCES "resyncs" ("id") ON DELETE CASCADE,
    "account_id" TEXT NOT NULL,
    -- `missing`: Salesforce has it and the mirror has not; `extra`: the mirror has it and Salesforce has not.
    "kind" TEXT NOT NULL CHECK ("kind" IN ('missing', 'extra', 'fields')),
    "fields" TEXT[] NOT NULL DEFAULT '{}',
    -- By field: `{"mirror": …, "salesforce": …}`.
    "values" JSONB NOT NULL DEFAULT '{}',
    "modified_at" TIMESTAMPTZ(3),
    "confirmed" BOOLEAN NOT NULL DEFAULT false,
    CONSTRAINT "resync_differences_pkey" PRIMARY KEY ("resync_id", "account_id")
);

-- Answers of requests that carried an Idempotency-Key; kept for a day.
CREATE TABLE "idempotent_requests" (
    "api_key" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "digest" BYTEA NOT NULL,
    "status" INTEGER NOT NULL,
    "location" TEXT,
    "body" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "idempotent_requests_pkey" PRIMARY KEY ("api_key", "key")
);
CREATE INDEX "idempotent_requests_created_at" ON "idempotent_requests"("created_at");

ALTER TABLE "incidents" DROP CONSTRAINT "incidents_cause_check";
ALTER TABLE "incidents" ADD CONSTRAINT "incidents_cause_check" CHECK ("cause" IN
    ('gap', 'overflow', 'object changed', 'position lost', 'unseen account', 'failed event', 'difference'));

-- The accounts that a verify has met so far: what the mirror has beyond them, Salesforce may not have.
CREATE TABLE "resync_seen" (
    "resync_id" UUID NOT NULL REFERENCES "resyncs" ("id") ON DELETE CASCADE,
    "account_id" TEXT NOT NULL,
    CONSTRAINT "resync_seen_pkey" PRIMARY KEY ("resync_id", "account_id")
);
