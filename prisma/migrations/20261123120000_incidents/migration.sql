-- Every known hole in what was received.
CREATE TABLE "incidents" (
    "id" BIGSERIAL NOT NULL,
    "topic" TEXT NOT NULL,
    "cause" TEXT NOT NULL CHECK ("cause" IN
        ('gap', 'overflow', 'object changed', 'position lost', 'unseen account', 'failed event')),
    "detail" TEXT NOT NULL,
    "extent" TEXT NOT NULL CHECK ("extent" IN ('accounts', 'since', 'all')),
    "account_ids" TEXT[] NOT NULL DEFAULT '{}',
    "event_ids" BIGINT[] NOT NULL DEFAULT '{}',
    "from" TIMESTAMPTZ(3),
    "to" TIMESTAMPTZ(3),
    "state" TEXT NOT NULL DEFAULT 'open' CHECK ("state" IN ('open', 'repairing', 'closed')),
    "resync_id" UUID REFERENCES "resyncs" ("id"),
    "opened_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "closed_at" TIMESTAMPTZ(3),

    CONSTRAINT "incidents_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "incidents_resync_id" ON "incidents"("resync_id");
CREATE INDEX "incidents_open" ON "incidents"("id") WHERE "state" <> 'closed';

-- How often a failed event was tried.
ALTER TABLE "events" ADD COLUMN "attempts" INTEGER NOT NULL DEFAULT 0;
