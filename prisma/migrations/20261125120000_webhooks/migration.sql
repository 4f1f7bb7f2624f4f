-- Requests of webhooks by the id that their sender gave them: the same one again brings nothing new.
CREATE TABLE "webhook_requests" (
    "id" TEXT NOT NULL,
    "digest" BYTEA NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_requests_pkey" PRIMARY KEY ("id")
);
CREATE INDEX "webhook_requests_received_at" ON "webhook_requests"("received_at");

-- The event that told the same change before, by another way.
ALTER TABLE "events" ADD COLUMN "duplicate_of" BIGINT;

-- What comes by webhook is the same event when it says the same, under whatever id; partial indexes are outside what
-- the Prisma schema can say.
CREATE UNIQUE INDEX "events_webhook_digest" ON "events"("topic", "digest") WHERE "source" = 'webhook';
CREATE INDEX "events_webhook_transaction" ON "events"("transaction_key", "sequence_number") WHERE "source" = 'webhook';
