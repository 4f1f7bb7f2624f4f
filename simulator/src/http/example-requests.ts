/** Two curl lines that work as they stand: one creates an account, one lists the newest ones. */
export const exampleRequests = (instanceUrl: string, accessToken: string) => {
  const authorization = `-H 'Authorization: Bearer ${accessToken}'`;
  const base = `${instanceUrl}/services/data/v66.0`;
  const newest = encodeURIComponent(
    'SELECT Id, Name, CreatedDate FROM Account ORDER BY CreatedDate DESC LIMIT 5',
  );
  return {
    create: `curl -s ${base}/sobjects/Account ${authorization} -H 'Content-Type: application/json' -d '{"Name":"Hello from curl"}'`,
    query: `curl -s '${base}/query?q=${newest}' ${authorization}`,
  };
};
