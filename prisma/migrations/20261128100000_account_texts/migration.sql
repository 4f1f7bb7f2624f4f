-- Taken first, and not with the first trigger: what waits for a lock inside another statement holds a snapshot, for which
-- an index that is just being built would wait, each for the other.
LOCK TABLE "accounts" IN SHARE ROW EXCLUSIVE MODE;

-- What accounts are searched by, in rows a tenth as wide as those of "accounts": whoever looks up many of them, to have
-- the first ones by name, reads a tenth of the pages.
CREATE TABLE "account_texts" (
    "account_id" TEXT NOT NULL,
    "folded_name" TEXT COLLATE "C",
    "search_text" TEXT NOT NULL,
    "deleted" BOOLEAN NOT NULL,
    CONSTRAINT "account_texts_pkey" PRIMARY KEY ("account_id")
);

-- Triggers, so that an older version of the service keeps the two together too, and so does whoever may write "accounts"
-- by hand, from wherever.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

CREATE FUNCTION "add_account_texts"() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO "account_texts" ("account_id", "folded_name", "search_text", "deleted")
    SELECT "id", "fold_case"("name"), "search_text", "deleted" FROM "added"
        ON CONFLICT ("account_id") DO UPDATE SET "folded_name" = excluded."folded_name",
           "search_text" = excluded."search_text", "deleted" = excluded."deleted";
    RETURN NULL;
END $$;
CREATE TRIGGER "add_account_texts" AFTER INSERT ON "accounts" REFERENCING NEW TABLE AS "added"
    FOR EACH STATEMENT EXECUTE FUNCTION "add_account_texts"();

CREATE FUNCTION "change_account_text"() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF OLD."id" <> NEW."id" THEN
        DELETE FROM "account_texts" WHERE "account_id" = OLD."id";
    END IF;
    INSERT INTO "account_texts" ("account_id", "folded_name", "search_text", "deleted")
    VALUES (NEW."id", "fold_case"(NEW."name"), NEW."search_text", NEW."deleted")
        ON CONFLICT ("account_id") DO UPDATE SET "folded_name" = excluded."folded_name",
           "search_text" = excluded."search_text", "deleted" = excluded."deleted";
    RETURN NULL;
END $$;
CREATE TRIGGER "change_account_text" AFTER UPDATE ON "accounts" FOR EACH ROW
    WHEN (OLD."search_text" IS DISTINCT FROM NEW."search_text" OR OLD."name" IS DISTINCT FROM NEW."name"
          OR OLD."deleted" <> NEW."deleted" OR OLD."id" <> NEW."id")
    EXECUTE FUNCTION "change_account_text"();

CREATE FUNCTION "remove_account_texts"() RETURNS TRIGGER LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE "account_texts";
    ELSE
        DELETE FROM "account_texts" WHERE "account_id" IN (SELECT "id" FROM "removed");
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER "remove_account_texts" AFTER DELETE ON "accounts" REFERENCING OLD TABLE AS "removed"
    FOR EACH STATEMENT EXECUTE FUNCTION "remove_account_texts"();
CREATE TRIGGER "empty_account_texts" AFTER TRUNCATE ON "accounts"
    FOR EACH STATEMENT EXECUTE FUNCTION "remove_account_texts"();

-- Accounts that are there already get their texts from the service, in pieces, and then the index. Until there is one, the
-- table is not searched.
DO $$
DECLARE
    "operators" TEXT := (SELECT format('%I.gin_trgm_ops', n.nspname)
        FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace WHERE o.opcname = 'gin_trgm_ops');
BEGIN
    IF "operators" IS NOT NULL AND NOT EXISTS (SELECT FROM "accounts") THEN
        EXECUTE format('CREATE INDEX "account_texts_search" ON "account_texts" USING gin ("search_text" %s)', "operators");
    END IF;
END $$;
