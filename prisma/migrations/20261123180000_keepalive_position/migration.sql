-- The position of the newest keepalive, apart from that of the newest stored event.
ALTER TABLE "subscriptions" ADD COLUMN "keepalive_replay_id" BYTEA;
