-- A subscription exists from the first start on, also while Salesforce cannot be asked which org it is.
ALTER TABLE "subscriptions" ALTER COLUMN "organization_id" DROP NOT NULL;
