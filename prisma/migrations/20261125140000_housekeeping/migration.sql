-- When each kind of housekeeping last began, in whichever process, and what it did.
CREATE TABLE "housekeeping" (
    "task" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    -- Of the newest run.
    "rows" BIGINT NOT NULL DEFAULT 0,
    "error" TEXT,
    CONSTRAINT "housekeeping_pkey" PRIMARY KEY ("task")
);

-- What is old is found by its age.
CREATE INDEX "write_back_attempts_sent_at" ON "write_back_attempts"("sent_at");
CREATE INDEX "incidents_closed_at" ON "incidents"("closed_at") WHERE "state" = 'closed';
CREATE INDEX "resyncs_finished_at" ON "resyncs"("finished_at") WHERE "state" IN ('done', 'failed', 'cancelled');

-- An account is changed in place as long as its page has room: then no index is written again (HOT).
ALTER TABLE "accounts" SET (fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
-- Every event leaves one dead row, when it is applied, and its entry in the index of waiting events. Readers of that
-- index step over them, so they may not pile up to a fifth of a large log, which is when PostgreSQL would look.
ALTER TABLE "events" SET (
    autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
-- A handful of rows, each changed many times a second: room for that in the page, and a look every naptime.
ALTER TABLE "subscriptions" SET (fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE "write_back_state" SET (fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);
