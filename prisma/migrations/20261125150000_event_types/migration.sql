-- Most events are updates; what is rarer is found without reading all of them.
CREATE INDEX "events_change_type" ON "events"("change_type", "id") WHERE "change_type" <> 'UPDATE';
