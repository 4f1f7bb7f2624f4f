import type { Caller } from '../../src/sandbox/model.ts';
import { sandboxUsers } from '../../src/sandbox/users.ts';

const users = sandboxUsers();

export const admin: Caller = { userId: users.admin.id, api: 'rest', apiVersion: '66.0', client: null };

export const integration: Caller = {
  userId: users.integration.id,
  api: 'rest',
  apiVersion: '66.0',
  client: 'tidemark',
};
