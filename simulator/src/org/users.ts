import type { User } from './model.ts';
import { mintId } from './record-id.ts';

/** The users of the simulator. */
export function simulatorUsers() {
  return {
    admin: user(1, 'admin', 'Simulator Admin'),
    integration: user(2, 'integration', 'Integration User'),
    /** Commits without a user: jobs, geocoding. */
    automatedProcess: user(3, 'autoproc', 'Automated Process'),
  };
}

function user(ordinal: number, account: string, name: string): User {
  const address = `${account}@simulator.example`;
  return { id: mintId('005', ordinal), username: address, name, email: address };
}

export type SimulatorUsers = ReturnType<typeof simulatorUsers>;
