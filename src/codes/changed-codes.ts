/**
 * SQL: further parts of a `with` whose part `changed` returns the `account_id` of each signup code that it has changed.
 * They mark the accounts as changed and their searched texts as outdated.
 */
export const markChangedAccounts = `marked as (
    update records set changed_at = clock_timestamp(), revision = revision + 1
     where record_id in (select account_id from changed)
  ), queued as (
    insert into account_text_queue (account_id) select account_id from changed
  )`;
