-- The codes on their way are taken from the rows themselves, not from a job queue.
ALTER TABLE "accounts"
    -- When a waiting code is sent next; backfilled codes and repetitions come behind those of new accounts.
    ADD COLUMN "code_due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT 'epoch',
    -- Answers that asked to try again, since the code began to wait.
    ADD COLUMN "code_tries" INTEGER NOT NULL DEFAULT 0,
    -- Codes that Salesforce refused as taken, since the account began to wait.
    ADD COLUMN "code_refusals" INTEGER NOT NULL DEFAULT 0,
    -- Codes that this one replaces on request: these alone may be overwritten in Salesforce.
    ADD COLUMN "code_replaces" JSONB NOT NULL DEFAULT '[]';
CREATE INDEX "accounts_code_due" ON "accounts"("code_due_at", "id") WHERE "code_state" = 'pending' AND NOT "deleted";
CREATE INDEX "accounts_code_attempted" ON "accounts"("code_attempted_at", "id")
    WHERE "code_state" IN ('pending', 'written', 'failed') AND NOT "deleted";
CREATE INDEX "accounts_code_failed" ON "accounts"(("code_error" ->> 'code'), "id")
    WHERE "code_state" = 'failed' AND NOT "deleted";
CREATE INDEX "accounts_code_disputed" ON "accounts"("salesforce_code") WHERE "code_state" = 'failed';
CREATE INDEX "accounts_code_none" ON "accounts"("id") WHERE "code_state" = 'none' AND NOT "deleted";

-- What was sent to Salesforce for an account, and what came of it.
CREATE TABLE "write_back_attempts" (
    "id" BIGSERIAL NOT NULL,
    "account_id" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "answered_at" TIMESTAMPTZ(3),
    -- `sent`: no answer is known.
    "outcome" TEXT NOT NULL DEFAULT 'sent'
        CHECK ("outcome" IN ('sent', 'written', 'held', 'again', 'taken', 'gone', 'failed', 'unanswered', 'replaced')),
    "error" JSONB,
    CONSTRAINT "write_back_attempts_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "write_back_attempts_account" ON "write_back_attempts"("account_id", "id");

-- What the one process that writes back is doing.
CREATE TABLE "write_back_state" (
    "topic" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'running' CHECK ("state" IN ('running', 'waiting', 'paused')),
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "reason" JSONB,
    "api_used" INTEGER,
    "api_max" INTEGER,
    "api_reserve_percent" INTEGER,
    "api_seen_at" TIMESTAMPTZ(3),
    -- The rules that the backfill was begun under; other ones begin it again.
    "backfill_rules" TEXT,
    "backfill_after" TEXT NOT NULL DEFAULT '',
    "backfill_seen" INTEGER NOT NULL DEFAULT 0,
    "backfill_given" INTEGER NOT NULL DEFAULT 0,
    "backfill_started_at" TIMESTAMPTZ(3),
    "backfill_finished_at" TIMESTAMPTZ(3),
    CONSTRAINT "write_back_state_pkey" PRIMARY KEY ("topic")
);
