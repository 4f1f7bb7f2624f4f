-- Who follows a topic, under which epoch and since when.
ALTER TABLE "subscriptions"
    ADD COLUMN "holder" JSONB,
    -- Grows with each holder: what an earlier one writes late has no effect.
    ADD COLUMN "epoch" BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN "held_since" TIMESTAMPTZ(3),
    ADD COLUMN "renewed_at" TIMESTAMPTZ(3);

-- Grows with each try of a resync: what an earlier one writes late has no effect.
ALTER TABLE "resyncs" ADD COLUMN "claim" INTEGER NOT NULL DEFAULT 0;
