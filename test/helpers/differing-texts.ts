/** Query of the accounts whose searched text is not that of their values, or that have none. */
export const differingTexts = `
  select coalesce(a.id, t.account_id) as id from accounts a full join account_texts t on t.account_id = a.id
   where (a.id, fold_case(a.name), fold_case(concat_ws(E'\\n', coalesce(a.name, ''), coalesce(a.account_number, ''),
            coalesce((a.code).code, ''), coalesce(a.fields ->> 'Phone', ''), coalesce(a.fields ->> 'Website', ''))),
          a.deleted)
         is distinct from (t.account_id, t.folded_name, t.search_text, t.deleted)`;
