/** Query of the accounts that are searched by another text than they have, or by one without having any. */
export const differingTexts = `
  select coalesce(a.id, t.account_id) as id from accounts a full join account_texts t on t.account_id = a.id
   where (a.id, fold_case(a.name), a.search_text, a.deleted)
         is distinct from (t.account_id, t.folded_name, t.search_text, t.deleted)`;
