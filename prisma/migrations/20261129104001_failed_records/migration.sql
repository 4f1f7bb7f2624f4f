-- Records that were read from Salesforce and that the database refuses. A row goes when its record is stored, or when
-- Salesforce does not have it any more.
CREATE TABLE "failed_records" (
    "account_id" TEXT NOT NULL,
    "error" TEXT NOT NULL,
    -- The resync that read it last; none if it was read by its id alone.
    "resync_id" UUID,
    "attempts" INTEGER NOT NULL DEFAULT 1,
    "failed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT "failed_records_pkey" PRIMARY KEY ("account_id")
);

-- When the initial load had read everything. It is complete (loaded_at) when every record that it read is stored.
ALTER TABLE "subscriptions" ADD COLUMN "read_through_at" TIMESTAMPTZ(3);
