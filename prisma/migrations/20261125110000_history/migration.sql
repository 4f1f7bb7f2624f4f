-- What every change and every reading wrote, in the order of versions, so that an account is known as of any moment.
CREATE TABLE "account_changes" (
    "account_id" TEXT NOT NULL,
    -- The four parts of a version; times in epoch milliseconds, "read_ms" 0 for an event.
    "commit_ms" BIGINT NOT NULL,
    "commit_number" BIGINT NOT NULL,
    "sequence_number" INTEGER NOT NULL,
    "read_ms" BIGINT NOT NULL,
    -- `some`: only what is named was written. `all`: what is not named became empty. `confirmed`: a reading of all
    -- fields, of which only those are named that it changed.
    "form" TEXT NOT NULL CHECK ("form" IN ('some', 'all', 'confirmed')),
    -- Values by field path.
    "written" JSONB NOT NULL,
    -- Top-level fields of which the change knew nothing.
    "untold" TEXT[] NOT NULL DEFAULT '{}',
    -- Whether it said that there is more than it told.
    "gap" BOOLEAN NOT NULL DEFAULT false,
    "change_type" TEXT,
    "event_id" BIGINT,
    "resync_id" UUID,
    CONSTRAINT "account_changes_pkey"
        PRIMARY KEY ("account_id", "commit_ms", "commit_number", "sequence_number", "read_ms")
);

-- Whole states of accounts: all changes up to the version are in them.
CREATE TABLE "account_states" (
    "account_id" TEXT NOT NULL,
    "commit_ms" BIGINT NOT NULL,
    "commit_number" BIGINT NOT NULL,
    "sequence_number" INTEGER NOT NULL,
    "read_ms" BIGINT NOT NULL,
    -- Values by field path, and their versions as in "accounts".
    "state" JSONB NOT NULL,
    "base_version" TEXT NOT NULL,
    "field_versions" JSONB NOT NULL,
    "stale_version" TEXT,
    -- The history begins with it; otherwise it only shortens the way.
    "is_base" BOOLEAN NOT NULL,
    CONSTRAINT "account_states_pkey"
        PRIMARY KEY ("account_id", "commit_ms", "commit_number", "sequence_number", "read_ms")
);
-- One an account at most: its checkpoints are many.
CREATE INDEX "account_states_base" ON "account_states"("account_id") WHERE "is_base";

ALTER TABLE "accounts"
    -- Set while the row itself is all of the history: the values have been these since the reading of this version.
    ADD COLUMN "history_from" TEXT,
    -- Changes on record, about.
    ADD COLUMN "history_length" INTEGER NOT NULL DEFAULT 0;

-- Of accounts that are there already, what is known begins now.
INSERT INTO "account_states"
SELECT "id", split_part("version", '.', 1)::bigint, split_part("version", '.', 2)::bigint,
       split_part("version", '.', 3)::int, split_part("version", '.', 4)::bigint,
       coalesce((SELECT jsonb_object_agg(f.key || coalesce('.' || p.key, ''), coalesce(p.value, f.value))
                   FROM jsonb_each("fields") f
                   LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(f.value) WHEN 'object' THEN f.value END) p ON true),
                '{}'),
       "base_version", "field_versions", "stale_version", true
  FROM "accounts";
