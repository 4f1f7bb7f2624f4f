-- Records that a webhook named and that the mirror does not hold: they are read from Salesforce, and are no accounts
-- before Salesforce has confirmed them.
CREATE TABLE "unconfirmed_records" (
    "id" TEXT NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "unconfirmed_records_pkey" PRIMARY KEY ("id")
);

-- Causes are listed in one place, src/incidents/incident-rows.ts.
ALTER TABLE "incidents" DROP CONSTRAINT IF EXISTS "incidents_cause_check";
