-- Several processes that start at once request one initial load. Duplicates of earlier starts are cancelled.
UPDATE "resyncs" r SET "state" = 'cancelled', "finished_at" = now(), "error" = 'Another initial load was requested first.'
 WHERE "reason" = 'initial' AND "state" IN ('queued', 'reading', 'applying')
   AND EXISTS (SELECT FROM "resyncs" o
                WHERE o."reason" = 'initial' AND o."state" IN ('queued', 'reading', 'applying')
                  AND (o."created_at", o."id") < (r."created_at", r."id"));
CREATE UNIQUE INDEX "resyncs_one_initial_load" ON "resyncs"("reason")
    WHERE "reason" = 'initial' AND "state" IN ('queued', 'reading', 'applying', 'needs-confirmation');
