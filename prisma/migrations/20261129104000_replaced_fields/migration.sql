-- Paths of the fields whose text has a character that PostgreSQL does not store; U+FFFD stands in its place.
ALTER TABLE "accounts" ADD COLUMN "replaced_fields" JSONB NOT NULL DEFAULT '[]';
-- They are few, and their number is part of the status.
CREATE INDEX "accounts_replaced_fields" ON "accounts" ("id") WHERE "replaced_fields" <> '[]';
