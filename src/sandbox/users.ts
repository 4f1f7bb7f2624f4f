import type { User } from './model.ts';
import { mintId } from './record-id.ts';

/** The people of the sandbox org: who administers it, whom an integration signs in as, and nobody. */
export function sandboxUsers(): SandboxUsers {
  return {
    admin: user(1, 'admin', 'Sandbox Admin'),
    integration: user(2, 'integration', 'Integration User'),
    automatedProcess: user(3, 'autoproc', 'Automated Process'),
  };
}

function user(ordinal: number, account: string, name: string): User {
  const address = `${account}@tidemark.example`;
  return { id: mintId('005', ordinal), username: address, name, email: address };
}

export type SandboxUsers = {
  readonly admin: User;
  readonly integration: User;
  /** Commits what no user asked for: jobs, geocoding. */
  readonly automatedProcess: User;
};
