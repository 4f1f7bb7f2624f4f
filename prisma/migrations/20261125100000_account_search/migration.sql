-- Lower case as far as this PostgreSQL can tell: by Unicode from 17 on, by ICU before, else by the database's locale.
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

-- All that free text is looked for in, a line each. A person's name is put together in "name", not in the fields.
ALTER TABLE "accounts" ADD COLUMN "search_text" TEXT GENERATED ALWAYS AS ("fold_case"(
    coalesce("name", '') || E'\n' || coalesce("account_number", '') || E'\n' || coalesce("signup_code", '') || E'\n' ||
    coalesce("fields" ->> 'Phone', '') || E'\n' || coalesce("fields" ->> 'Website', ''))) STORED;

-- Names in any case: in order, whole, and by their beginning. The order of characters is the only one that serves all
-- three, and it is the same in every database.
CREATE INDEX "accounts_name_folded" ON "accounts"("fold_case"("name") COLLATE "C", "id");
DROP INDEX "accounts_name_prefix", "accounts_name_id";
CREATE INDEX "accounts_synced_at_id" ON "accounts"("synced_at", "id");
CREATE INDEX "accounts_deleted" ON "accounts"("id") WHERE "deleted";
-- All states instead of three: each of them is rare at some time.
CREATE INDEX "accounts_code_state" ON "accounts"("code_state", "id");
DROP INDEX "accounts_code_open";

-- Trigrams may not be at hand: then searching reads all rows until the service finds the extension when it starts.
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
        EXECUTE format('CREATE INDEX "accounts_search" ON "accounts" USING gin ("search_text" %s)', "operators");
    END IF;
END $$;

-- Random keys that all processes share. Whoever deletes one gives every process a new one when it starts.
CREATE TABLE "secrets" (
    "name" TEXT NOT NULL,
    "value" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "secrets_pkey" PRIMARY KEY ("name")
);
