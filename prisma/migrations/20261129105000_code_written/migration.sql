-- When a code was written, so that a later event or read which shows an empty field is told from an earlier one.
ALTER TABLE "accounts"
    ADD COLUMN "code_write_base" TEXT,
    ADD COLUMN "code_written_at" TIMESTAMPTZ(3);
