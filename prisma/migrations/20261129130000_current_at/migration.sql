-- Everything that had been committed in Salesforce by then was in the mirror.
ALTER TABLE "subscriptions" ADD COLUMN "current_at" TIMESTAMPTZ(3);
