import type { Caller } from '../../src/org/model.ts';
import { simulatorUsers } from '../../src/org/users.ts';

const users = simulatorUsers();

export const admin: Caller = { userId: users.admin.id, api: 'rest', apiVersion: '66.0', client: null };

export const integration: Caller = {
  userId: users.integration.id,
  api: 'rest',
  apiVersion: '66.0',
  client: 'ExampleClient',
};
