-- All tables of Tidemark. Partial indexes, expression indexes, check constraints and functions are outside what the Prisma
-- schema can say.

-- Lower case by the best collation of this PostgreSQL: Unicode from version 17 on, ICU before, else the locale of the database.
DO $$
DECLARE
    "collation" TEXT := (
        SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
          FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
         WHERE c.collname IN ('pg_c_utf8', 'und-x-icu') AND getdatabaseencoding() = 'UTF8'
         ORDER BY c.collname = 'pg_c_utf8' DESC LIMIT 1);
BEGIN
    EXECUTE format('CREATE FUNCTION "fold_case"(TEXT) RETURNS TEXT IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower($1%s) COLLATE "default"', "collation");
END $$;

-- Mirrored records. Their values are in the tables of the schema MIRROR_SCHEMA, which the service creates together with the
-- view "accounts".

-- The mirrored objects. "version" changes with each change of the columns.
CREATE TABLE "mirror_objects" (
    "object" TEXT NOT NULL,
    "schema_name" TEXT NOT NULL,
    "table_name" TEXT NOT NULL,
    -- The field that holds signup codes.
    "code_field" TEXT,
    "version" UUID NOT NULL DEFAULT gen_random_uuid(),
    -- Fields whose columns were removed or changed by hand and restored without values, until a read of them is ordered;
    -- `*` for all.
    "restored_fields" TEXT[] NOT NULL DEFAULT '{}',

    CONSTRAINT "mirror_objects_pkey" PRIMARY KEY ("object")
);

-- The column of each field path.
CREATE TABLE "mirror_columns" (
    "object" TEXT NOT NULL REFERENCES "mirror_objects" ("object"),
    -- `Industry`, `BillingAddress.City`.
    "path" TEXT NOT NULL,
    "column_name" TEXT NOT NULL,
    "type" TEXT NOT NULL CHECK ("type" IN ('text', 'boolean', 'integer', 'bigint', 'numeric', 'date', 'time', 'timestamptz')),
    "field_id" TEXT,
    -- `current`: written. `removed`: the field is not in the newest schema. `replaced`: the field has another type, and
    -- another column for it; values that were not written since are still here.
    "state" TEXT NOT NULL DEFAULT 'current' CHECK ("state" IN ('current', 'removed', 'replaced')),
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "position" INTEGER NOT NULL GENERATED ALWAYS AS IDENTITY,

    CONSTRAINT "mirror_columns_pkey" PRIMARY KEY ("object", "column_name")
);
CREATE UNIQUE INDEX "mirror_columns_path" ON "mirror_columns"("object", "path") WHERE "state" <> 'replaced';

-- Adds values by field path to a tree of fields.
CREATE FUNCTION "merge_fields"("tree" JSONB, "added" JSONB) RETURNS JSONB LANGUAGE sql IMMUTABLE AS $$
    SELECT "tree" || coalesce(jsonb_object_agg("name", coalesce("whole", CASE jsonb_typeof("tree" -> "name") WHEN 'object' THEN "tree" -> "name" ELSE '{}' END || "parts")), '{}')
      FROM (SELECT split_part("key", '.', 1) AS "name",
                   jsonb_agg("value") FILTER (WHERE strpos("key", '.') = 0) -> 0 AS "whole",
                   jsonb_object_agg(split_part("key", '.', 2), "value") FILTER (WHERE strpos("key", '.') > 0) AS "parts"
              FROM jsonb_each("added") GROUP BY 1) p
$$;

-- What Tidemark knows of each mirrored record besides its values.
CREATE TABLE "records" (
    "record_id" TEXT NOT NULL,
    "object" TEXT NOT NULL,
    -- The version of all fields that "field_versions" does not name.
    "base_version" TEXT NOT NULL,
    -- Field paths by version: `[["<version>", "Phone", "Site"], …]`.
    "field_versions" JSONB NOT NULL,
    -- The greatest version.
    "version" TEXT NOT NULL,
    "stale_version" TEXT,
    "stale_since" TIMESTAMPTZ(3),
    "synced_at" TIMESTAMPTZ(3) NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "revision" BIGINT NOT NULL DEFAULT 1,
    -- Set while the record has no stored history: the values are unchanged since the read of this version.
    "history_from" TEXT,
    -- Approximate number of stored changes.
    "history_length" INTEGER NOT NULL DEFAULT 0,
    -- Paths of fields whose text contains U+FFFD in place of a character that PostgreSQL cannot store.
    "replaced_fields" JSONB NOT NULL DEFAULT '[]',

    CONSTRAINT "records_pkey" PRIMARY KEY ("record_id")
) WITH (fillfactor = 85,
    autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000, autovacuum_analyze_scale_factor = 0.02);
CREATE INDEX "records_changed_at" ON "records"("changed_at", "record_id");
CREATE INDEX "records_synced_at" ON "records"("synced_at", "record_id");
CREATE INDEX "records_stale" ON "records"("record_id") WHERE "stale_version" IS NOT NULL;
CREATE INDEX "records_replaced_fields" ON "records"("record_id") WHERE "replaced_fields" <> '[]';

-- Signup codes: one row for each account, so that also those without a code are found by an index.
CREATE TABLE "signup_codes" (
    "account_id" TEXT NOT NULL,
    "code" TEXT,
    "state" TEXT NOT NULL CHECK ("state" IN ('none', 'pending', 'written', 'confirmed', 'failed')),
    "error" JSONB,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "attempted_at" TIMESTAMPTZ(3),
    -- When the account got its current code.
    "assigned_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    -- When a pending code is sent next. Backfilled codes and retries follow those of new accounts.
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT 'epoch',
    -- Responses that asked for a retry since the code became pending.
    "tries" INTEGER NOT NULL DEFAULT 0,
    -- Codes that Salesforce refused as taken since the account has a pending code.
    "refusals" INTEGER NOT NULL DEFAULT 0,
    -- Codes that this one replaces on request. No other code is overwritten in Salesforce.
    "replaces" JSONB NOT NULL DEFAULT '[]',
    -- Version of the read before the latest accepted write of a code. A version that is not later does not contain the write.
    "write_base" TEXT,
    "written_at" TIMESTAMPTZ(3),

    CONSTRAINT "signup_codes_pkey" PRIMARY KEY ("account_id")
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX "signup_codes_code_key" ON "signup_codes"("code");
CREATE INDEX "signup_codes_state" ON "signup_codes"("state", "account_id");
CREATE INDEX "signup_codes_due" ON "signup_codes"("due_at", "account_id") WHERE "state" = 'pending';
CREATE INDEX "signup_codes_attempted" ON "signup_codes"("attempted_at", "account_id")
    WHERE "state" IN ('pending', 'written', 'failed');
CREATE INDEX "signup_codes_failed" ON "signup_codes"(("error" ->> 'code'), "account_id") WHERE "state" = 'failed';

-- Searched texts of accounts. The service updates them after changes, in batches.
CREATE TABLE "account_texts" (
    "account_id" TEXT NOT NULL,
    "folded_name" TEXT COLLATE "C",
    "search_text" TEXT NOT NULL,
    "deleted" BOOLEAN NOT NULL,

    CONSTRAINT "account_texts_pkey" PRIMARY KEY ("account_id")
);
-- Accounts whose searched text has changed. An account can occur more than once.
CREATE TABLE "account_text_queue" (
    "position" BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY,
    "account_id" TEXT NOT NULL,

    CONSTRAINT "account_text_queue_pkey" PRIMARY KEY ("position")
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Without trigrams, a search reads all rows until the service finds the extension at a start.
DO $$
DECLARE
    "operators" TEXT;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        RAISE NOTICE 'without pg_trgm, searching accounts reads all of them: %', SQLERRM;
    END;
    SELECT format('%I.gin_trgm_ops', n.nspname) INTO "operators"
      FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.opcname = 'gin_trgm_ops';
    IF "operators" IS NOT NULL THEN
        EXECUTE format('CREATE INDEX "account_texts_search" ON "account_texts" USING gin ("search_text" %s)', "operators");
    END IF;
END $$;

-- Every change and every read, in the order of versions: the state of an account at any time is computed from these.
CREATE TABLE "account_changes" (
    "account_id" TEXT NOT NULL,
    -- The four parts of a version. Times in epoch milliseconds; "read_ms" is 0 for an event.
    "commit_ms" BIGINT NOT NULL,
    "commit_number" BIGINT NOT NULL,
    "sequence_number" INTEGER NOT NULL,
    "read_ms" BIGINT NOT NULL,
    -- `some`: only the named fields were written. `all`: fields that are not named became empty. `confirmed`: a read of
    -- all fields that names only those that it changed. `fields`: the same of a read of the fields in `unread_fields`.
    "form" TEXT NOT NULL CHECK ("form" IN ('some', 'all', 'confirmed', 'fields')),
    -- Values by field path.
    "written" JSONB NOT NULL,
    -- Top-level fields about which the change says nothing.
    "unread_fields" TEXT[] NOT NULL DEFAULT '{}',
    -- Whether the change is incomplete.
    "gap" BOOLEAN NOT NULL DEFAULT false,
    "change_type" TEXT,
    "event_id" BIGINT,
    "resync_id" UUID,

    CONSTRAINT "account_changes_pkey"
        PRIMARY KEY ("account_id", "commit_ms", "commit_number", "sequence_number", "read_ms")
);

-- Whole states of accounts, which contain all changes up to the version.
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
    -- The history begins with a base; the other states are checkpoints.
    "is_base" BOOLEAN NOT NULL,

    CONSTRAINT "account_states_pkey"
        PRIMARY KEY ("account_id", "commit_ms", "commit_number", "sequence_number", "read_ms")
);
CREATE INDEX "account_states_base" ON "account_states"("account_id") WHERE "is_base";

-- The event log.

-- The events as received: inserted and deleted, never updated.
CREATE TABLE "events" (
    -- The order of arrival. Several writers commit out of this order.
    "id" BIGSERIAL NOT NULL,
    "topic" TEXT NOT NULL,
    "source" TEXT NOT NULL CHECK ("source" IN ('stream', 'webhook')),
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
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
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
-- Each event leaves a dead row when it is applied, and readers step over its entry in the index until it is vacuumed.
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0,
    autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX "event_queue_transaction_key" ON "event_queue"("transaction_key") WHERE "transaction_key" IS NOT NULL;

-- The order in which events take effect, drawn inside the applying transaction.
CREATE SEQUENCE "event_positions";
-- What became of an event. No foreign key: its check would write to the row of the event.
CREATE TABLE "event_outcomes" (
    "position" BIGINT NOT NULL DEFAULT nextval('event_positions'),
    "event_id" BIGINT NOT NULL,
    "source" TEXT NOT NULL CHECK ("source" IN ('stream', 'webhook')),
    -- `repaired` and `dismissed` end a failure; `stored` is an event that was returned to the queue.
    "state" TEXT NOT NULL
        CHECK ("state" IN ('applied', 'skipped', 'failed', 'repaired', 'dismissed', 'stored')),
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
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);
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

CREATE TABLE "event_schemas" (
    "id" TEXT NOT NULL,
    "schema" TEXT NOT NULL,
    -- When it was fetched, or became the schema of new events again.
    "arrived_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- When the fields were compared with Salesforce after this schema had arrived.
    "checked_at" TIMESTAMPTZ(3),

    CONSTRAINT "event_schemas_pkey" PRIMARY KEY ("id")
);

-- The fields as Salesforce last described them, to find changes that no event reports.
CREATE TABLE "salesforce_fields" (
    "object" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    -- Custom fields only: a field that is created again under the same name has another id.
    "field_id" TEXT,
    -- Its type in change events; null if they do not carry it.
    "event_type" TEXT,
    -- Its type in describe, numbers with precision and scale.
    "type" TEXT,
    "length" INTEGER,
    "default_value" TEXT,
    "calculated" BOOLEAN NOT NULL DEFAULT false,
    "label" TEXT,
    -- Whether describe shows the field.
    "readable" BOOLEAN NOT NULL,
    -- Whether its values are mirrored: readable, and carried by events or selected.
    "mirrored" BOOLEAN NOT NULL,
    -- When a mirrored field became unreadable; its values are kept.
    "lost_at" TIMESTAMPTZ(3),

    CONSTRAINT "salesforce_fields_pkey" PRIMARY KEY ("object", "name")
);

-- A few rows that change many times per second: free space in the page, and frequent vacuums.
CREATE TABLE "subscriptions" (
    "topic" TEXT NOT NULL,
    -- Null until the first sign-in.
    "organization_id" TEXT,
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
    -- The position of the latest keepalive, separate from that of the latest stored event.
    "keepalive_replay_id" BYTEA,
    -- The process that follows the topic.
    "holder" JSONB,
    -- Increases with each holder. Late writes of an earlier holder have no effect.
    "epoch" BIGINT NOT NULL DEFAULT 0,
    "held_since" TIMESTAMPTZ(3),
    "renewed_at" TIMESTAMPTZ(3),
    -- An outage of the stream has one start and one end, whatever the number of retries between them.
    "outage_since" TIMESTAMPTZ(3),
    -- `{"code", "class", "message", "action", "needsPerson"}` of the latest failure.
    "outage_cause" JSONB,
    -- When the stream was last known to be open without an error.
    "live_at" TIMESTAMPTZ(3),
    -- `{"code", "message", "action", "since"}` while stored events cannot be applied.
    "apply_fault" JSONB,
    -- When the initial load had read everything. It is complete (loaded_at) when every record that it read is stored.
    "read_through_at" TIMESTAMPTZ(3),
    -- The mirror contains everything that was committed in Salesforce up to this time.
    "current_at" TIMESTAMPTZ(3),

    CONSTRAINT "subscriptions_pkey" PRIMARY KEY ("topic"),
    CONSTRAINT "subscriptions_outage_check" CHECK (("outage_since" IS NULL) = ("outage_cause" IS NULL))
) WITH (fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE "webhook_requests" (
    "id" TEXT NOT NULL,
    "digest" BYTEA NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_requests_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "webhook_requests_received_at" ON "webhook_requests"("received_at");

-- Records that a webhook named and that the mirror does not hold, until a read from Salesforce confirms them.
CREATE TABLE "unconfirmed_records" (
    "id" TEXT NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "unconfirmed_records_pkey" PRIMARY KEY ("id")
);

-- Resyncs and incidents.

CREATE TABLE "resyncs" (
    "id" UUID NOT NULL DEFAULT gen_random_uuid(),
    "scope" TEXT NOT NULL CHECK ("scope" IN ('all', 'fields', 'since', 'accounts')),
    "reason" TEXT NOT NULL,
    "account_ids" TEXT[],
    -- Scope `fields` only: the fields that are read in all records.
    "fields" TEXT[] NOT NULL DEFAULT '{}',
    "since" TIMESTAMPTZ(3),
    "state" TEXT NOT NULL DEFAULT 'queued' CHECK ("state" IN
        ('queued', 'reading', 'applying', 'needs-confirmation', 'done', 'failed', 'cancelled')),
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
    "mode" TEXT NOT NULL DEFAULT 'repair' CHECK ("mode" IN ('repair', 'verify', 'sample')),
    -- Verifies only: whether differences are repaired at the end.
    "repairs" BOOLEAN NOT NULL DEFAULT false,
    "method" TEXT CHECK ("method" IN ('rest', 'bulk')),
    -- The number of records in Salesforce.
    "expected" INTEGER,
    "read_at" TIMESTAMPTZ(3),
    "schema_id" TEXT,
    "position" BYTEA,
    "log_position" BIGINT,
    -- Where the read continues after an interruption.
    "bulk_asked_at" TIMESTAMPTZ(3),
    "bulk_job_id" TEXT,
    "bulk_job_closed_at" TIMESTAMPTZ(3),
    "resume_at" TEXT,
    "resume_rows" INTEGER NOT NULL DEFAULT 0,
    "kept" INTEGER NOT NULL DEFAULT 0,
    "events_meanwhile" INTEGER,
    "different" INTEGER,
    "verified_through" TIMESTAMPTZ(3),
    "unknown_ids" TEXT[] NOT NULL DEFAULT '{}',
    "invalid_ids" TEXT[] NOT NULL DEFAULT '{}',
    -- Why it pauses: the API budget, or a failure that is retried.
    "waiting" JSONB,
    -- Increases with each attempt. Late writes of an earlier attempt have no effect.
    "claim" INTEGER NOT NULL DEFAULT 0,
    -- `{"code", "message", "action"}` of the failure that `error` describes in words.
    "cause" JSONB,
    -- Accounts of the mirror that it did not find and that nothing proves to be deleted.
    "not_visible" INTEGER NOT NULL DEFAULT 0,
    -- Name of the API key that confirmed it.
    "confirmed_by" TEXT,
    "confirmed_at" TIMESTAMPTZ(3),
    -- In the state `needs-confirmation`: the next check whether its accounts are visible.
    "next_look_at" TIMESTAMPTZ(3),

    CONSTRAINT "resyncs_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "resyncs_created_at_id" ON "resyncs"("created_at", "id");
CREATE INDEX "resyncs_open" ON "resyncs"("created_at")
    WHERE "state" IN ('queued', 'reading', 'applying', 'needs-confirmation');
CREATE INDEX "resyncs_verified" ON "resyncs"("finished_at") WHERE "mode" <> 'repair' AND "state" = 'done';
CREATE INDEX "resyncs_finished_at" ON "resyncs"("finished_at") WHERE "state" IN ('done', 'failed', 'cancelled');
-- Several processes that start at once request one initial load.
CREATE UNIQUE INDEX "resyncs_one_initial_load" ON "resyncs"("reason")
    WHERE "reason" = 'initial' AND "state" IN ('queued', 'reading', 'applying', 'needs-confirmation');

-- Results of a verify, one row per account.
CREATE TABLE "resync_differences" (
    "resync_id" UUID NOT NULL REFERENCES "resyncs" ("id") ON DELETE CASCADE,
    "account_id" TEXT NOT NULL,
    -- `missing`: only Salesforce has it; `extra`: only the mirror has it.
    "kind" TEXT NOT NULL CHECK ("kind" IN ('missing', 'extra', 'not visible', 'fields')),
    "fields" TEXT[] NOT NULL DEFAULT '{}',
    -- By field: `{"mirror": …, "salesforce": …}`.
    "values" JSONB NOT NULL DEFAULT '{}',
    "modified_at" TIMESTAMPTZ(3),
    "confirmed" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "resync_differences_pkey" PRIMARY KEY ("resync_id", "account_id")
);

-- The accounts that a verify has met so far. The mirror may hold others that Salesforce does not have.
CREATE TABLE "resync_seen" (
    "resync_id" UUID NOT NULL REFERENCES "resyncs" ("id") ON DELETE CASCADE,
    "account_id" TEXT NOT NULL,

    CONSTRAINT "resync_seen_pkey" PRIMARY KEY ("resync_id", "account_id")
);

-- Accounts that Salesforce did not return although nothing proves that they are deleted.
CREATE TABLE "invisible_accounts" (
    "account_id" TEXT NOT NULL,
    -- `kept`: the mirror keeps it as it was; `taken`: it was marked as deleted, within the bound or confirmed.
    "state" TEXT NOT NULL CHECK ("state" IN ('kept', 'taken')),
    "confirmed" BOOLEAN NOT NULL DEFAULT false,
    -- The version of the read that did not find it.
    "version" TEXT NOT NULL,
    -- The resync that found this and decides about it; null if the account was read on its own.
    "resync_id" UUID REFERENCES "resyncs" ("id") ON DELETE SET NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    "taken_at" TIMESTAMPTZ(3),
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),

    CONSTRAINT "invisible_accounts_pkey" PRIMARY KEY ("account_id")
);
CREATE INDEX "invisible_accounts_resync_id" ON "invisible_accounts"("resync_id");

-- Records that were read from Salesforce and that the database refuses. A row is removed when its record is stored, or
-- when Salesforce no longer has it.
CREATE TABLE "failed_records" (
    "account_id" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    -- The resync that read it last; null if it was read by its id alone.
    "resync_id" UUID,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "failed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "failed_records_pkey" PRIMARY KEY ("account_id")
);

-- Known gaps in what was received. Causes are listed in src/incidents/incident-rows.ts.
CREATE TABLE "incidents" (
    "id" BIGSERIAL NOT NULL,
    "topic" TEXT NOT NULL,
    "cause" TEXT NOT NULL,
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
CREATE INDEX "incidents_closed_at" ON "incidents"("closed_at") WHERE "state" = 'closed';

-- Write-back of signup codes.

-- What was sent to Salesforce for an account, and the result.
CREATE TABLE "write_back_attempts" (
    "id" BIGSERIAL NOT NULL,
    "account_id" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "answered_at" TIMESTAMPTZ(3),
    -- `sent`: no response is known.
    "outcome" TEXT NOT NULL DEFAULT 'sent'
        CHECK ("outcome" IN ('sent', 'written', 'held', 'again', 'taken', 'gone', 'failed', 'unanswered', 'replaced')),
    "error" JSONB,

    CONSTRAINT "write_back_attempts_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "write_back_attempts_account" ON "write_back_attempts"("account_id", "id");
CREATE INDEX "write_back_attempts_sent_at" ON "write_back_attempts"("sent_at");

-- State of the one process that writes back.
CREATE TABLE "write_back_state" (
    "topic" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'running' CHECK ("state" IN ('running', 'waiting', 'paused')),
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "reason" JSONB,
    "api_used" INTEGER,
    "api_max" INTEGER,
    "api_reserve_percent" INTEGER,
    "api_seen_at" TIMESTAMPTZ(3),
    -- The rules of the current backfill. When they change, it starts again.
    "backfill_rules" TEXT,
    "backfill_after" TEXT NOT NULL DEFAULT '',
    "backfill_seen" INTEGER NOT NULL DEFAULT 0,
    "backfill_given" INTEGER NOT NULL DEFAULT 0,
    "backfill_started_at" TIMESTAMPTZ(3),
    "backfill_finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "write_back_state_pkey" PRIMARY KEY ("topic")
) WITH (fillfactor = 10,
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_cost_delay = 0);

-- The service itself.

-- Responses to requests with an Idempotency-Key, kept for a day.
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

-- Random keys that all processes share. After a row is deleted, every process gets a new key when it starts.
CREATE TABLE "secrets" (
    "name" TEXT NOT NULL,
    "value" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "secrets_pkey" PRIMARY KEY ("name")
);

-- The last run of each housekeeping task, in any process, and its result.
CREATE TABLE "housekeeping" (
    "task" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "finished_at" TIMESTAMPTZ(3),
    -- Number of rows of the last run.
    "rows" BIGINT NOT NULL DEFAULT 0,
    "error" TEXT,

    CONSTRAINT "housekeeping_pkey" PRIMARY KEY ("task")
);

-- What an operator sees of the service.

-- One row for each minute, written by the leader, kept for two days.
CREATE TABLE "minute_statistics" (
    "minute" TIMESTAMPTZ(3) NOT NULL,
    "events" INTEGER NOT NULL,
    "failed_events" INTEGER NOT NULL,
    "codes" INTEGER NOT NULL,
    "failed_codes" INTEGER NOT NULL,
    "connection_errors" INTEGER NOT NULL,
    -- Null before the initial load.
    "max_lag_ms" BIGINT,

    CONSTRAINT "minute_statistics_pkey" PRIMARY KEY ("minute")
);

-- The processes that share the database.
CREATE TABLE "instances" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "roles" TEXT[] NOT NULL,
    "version" TEXT NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "seen_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "instances_pkey" PRIMARY KEY ("id")
);

-- Requests that changed something, and webhook requests, the accepted and the rejected ones.
CREATE TABLE "request_log" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    -- `action` or `webhook`.
    "kind" TEXT NOT NULL,
    -- The name of the API key; the address of the sender of a webhook.
    "caller" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "path" TEXT NOT NULL,
    "status" INTEGER NOT NULL,
    -- Of a webhook, as its sender named it; otherwise the id in the log.
    "request_id" TEXT,
    "problem" TEXT,
    -- Events in the webhook, and how many of them were new.
    "received" INTEGER,
    "stored" INTEGER,

    CONSTRAINT "request_log_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "request_log_kind" ON "request_log"("kind", "id");

CREATE TABLE "api_key_uses" (
    "name" TEXT NOT NULL,
    "last_used_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "api_key_uses_pkey" PRIMARY KEY ("name")
);

-- Each change of the verdict; the newest row is the current one.
CREATE TABLE "health_changes" (
    "id" BIGSERIAL NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "health" TEXT NOT NULL,
    -- `[{ code, message, since, action }]`
    "reasons" JSONB NOT NULL,

    CONSTRAINT "health_changes_pkey" PRIMARY KEY ("id")
);

-- Messages about changes of the verdict and new incidents: one for each URL.
CREATE TABLE "notifications" (
    "id" BIGSERIAL NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- `health:` or `incident:` and the id of the row.
    "subject" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "summary" TEXT NOT NULL,
    "body" JSONB NOT NULL,
    -- `pending`, `sent` or `failed`.
    "state" TEXT NOT NULL DEFAULT 'pending',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "sent_at" TIMESTAMPTZ(3),
    "error" TEXT,

    CONSTRAINT "notifications_pkey" PRIMARY KEY ("id")
);
CREATE UNIQUE INDEX "notifications_subject" ON "notifications"("subject", "url");
CREATE INDEX "notifications_due" ON "notifications"("due_at") WHERE "state" = 'pending';

-- The values of an account after one more entry of its history. `all` replaces the values of every field that it covers,
-- a folded state those of every field; other entries add to them.
CREATE FUNCTION "apply_history_entry"("values" JSONB, "form" TEXT, "written" JSONB, "unread" TEXT[]) RETURNS JSONB
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN "form" = 'folded' THEN "written"
         WHEN "form" = 'all' AND "values" IS NOT NULL AND cardinality("unread") > 0 THEN coalesce(
             (SELECT jsonb_object_agg("key", "value") FROM jsonb_each("values") WHERE split_part("key", '.', 1) = ANY ("unread")),
             '{}') || "written"
         WHEN "form" = 'all' THEN "written"
         ELSE coalesce("values", '{}') || "written" END;

CREATE AGGREGATE "history_values"(TEXT, JSONB, TEXT[]) (
    SFUNC = "apply_history_entry", STYPE = JSONB, PARALLEL = SAFE
);
