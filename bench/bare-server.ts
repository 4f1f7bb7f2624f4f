// The minimum with the same result: a Fastify route with one prepared query.
import { fastify } from 'fastify';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'] ?? '', max: 10 });
const columns = `id, name, account_number, signup_code, pending_signup_code, code_state, fields, created_at, modified_at, deleted_at,
  stale_version, synced_at, version`;
const app = fastify();
app.get<{ Params: { id: string } }>('/v1/accounts/:id', async (request) => {
  const text = `select ${columns} from accounts where id = $1`;
  return (await pool.query({ name: 'one', text, values: [request.params.id] })).rows[0];
});
app.get('/v1/accounts', async () => {
  const text = `select ${columns} from accounts where not deleted order by modified_at desc, id desc limit 50`;
  return { data: (await pool.query({ name: 'fifty', text })).rows };
});
await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
process.send?.('listening');
process.on('disconnect', () => process.exit());
