-- A resync that would mark too many accounts as deleted without proof stops until a person confirms it.
ALTER TABLE "resyncs" DROP CONSTRAINT "resyncs_state_check";
ALTER TABLE "resyncs" ADD CONSTRAINT "resyncs_state_check" CHECK ("state" IN
    ('queued', 'reading', 'applying', 'needs-confirmation', 'done', 'failed', 'cancelled'));
ALTER TABLE "resyncs"
    -- Accounts of the mirror that it did not find and that nothing proves to be deleted.
    ADD COLUMN "not_visible" INTEGER NOT NULL DEFAULT 0,
    -- Name of the API key that confirmed it.
    ADD COLUMN "confirmed_by" TEXT,
    ADD COLUMN "confirmed_at" TIMESTAMPTZ(3),
    -- In the state `needs-confirmation`: when it is looked again whether its accounts are visible.
    ADD COLUMN "next_look_at" TIMESTAMPTZ(3);
DROP INDEX "resyncs_open";
CREATE INDEX "resyncs_open" ON "resyncs"("created_at")
    WHERE "state" IN ('queued', 'reading', 'applying', 'needs-confirmation');

-- Accounts that Salesforce did not show although nothing proves that they are deleted.
CREATE TABLE "invisible_accounts" (
    "account_id" TEXT NOT NULL,
    -- `kept`: the mirror keeps it as it was; `taken`: it was marked as deleted, within the bound or confirmed.
    "state" TEXT NOT NULL CHECK ("state" IN ('kept', 'taken')),
    "confirmed" BOOLEAN NOT NULL DEFAULT false,
    -- The version of the reading that did not find it.
    "version" TEXT NOT NULL,
    -- The resync that found this and decides about it; none if the account was read on its own.
    "resync_id" UUID REFERENCES "resyncs" ("id") ON DELETE SET NULL,
    "since" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    "taken_at" TIMESTAMPTZ(3),
    "checked_at" TIMESTAMPTZ(3) NOT NULL DEFAULT now(),
    CONSTRAINT "invisible_accounts_pkey" PRIMARY KEY ("account_id")
);
CREATE INDEX "invisible_accounts_resync_id" ON "invisible_accounts"("resync_id");

ALTER TABLE "resync_differences" DROP CONSTRAINT "resync_differences_kind_check";
ALTER TABLE "resync_differences" ADD CONSTRAINT "resync_differences_kind_check" CHECK ("kind" IN
    ('missing', 'extra', 'not visible', 'fields'));
