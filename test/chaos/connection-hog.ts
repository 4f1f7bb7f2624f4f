import pg from 'pg';
import type { PostgresServer } from './postgres-server.ts';

/** Opens connections until PostgreSQL has none left. */
export type ConnectionHog = {
  /** Takes all that are free now, and says how many it has. */
  takeAll(): Promise<number>;
  query(sql: string): Promise<unknown>;
  release(): Promise<void>;
};

export function connectionHog({ target, password }: PostgresServer): ConnectionHog {
  const taken: pg.Client[] = [];
  const takeOne = async (): Promise<boolean> => {
    const client = new pg.Client({ ...target, user: 'postgres', password, database: 'tidemark' });
    client.on('error', () => {});
    try {
      await client.connect();
    } catch (error) {
      // "too many connections"
      if ((error as { code?: unknown }).code === '53300') return false;
      throw error;
    }
    taken.push(client);
    return true;
  };
  return {
    async takeAll() {
      while (await takeOne());
      return taken.length;
    },
    async query(sql) {
      return taken[0]?.query(sql);
    },
    async release() {
      for (const client of taken.splice(0)) await client.end();
    },
  };
}
