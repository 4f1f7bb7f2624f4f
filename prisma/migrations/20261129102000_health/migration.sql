-- An outage of the stream has one beginning and one end, however many retries lie in between.
ALTER TABLE "subscriptions"
    ADD COLUMN "outage_since" TIMESTAMPTZ(3),
    -- `{"code", "class", "message", "action", "needsPerson"}` of the latest failure.
    ADD COLUMN "outage_cause" JSONB,
    -- When the stream was last known to be open without an error.
    ADD COLUMN "live_at" TIMESTAMPTZ(3),
    -- `{"code", "message", "action", "since"}` while stored events cannot be applied.
    ADD COLUMN "apply_fault" JSONB,
    ADD CONSTRAINT "subscriptions_outage_check" CHECK (("outage_since" IS NULL) = ("outage_cause" IS NULL));

-- `{"code", "message", "action"}` of the failure that `error` tells in words.
ALTER TABLE "resyncs" ADD COLUMN "cause" JSONB;
