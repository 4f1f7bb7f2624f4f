// The simulator of a benchmark, in a process of its own: what it costs is not counted as the service's.

import { type Simulator, startSimulator } from 'salesforce-simulator';
import type { OrgAnswer, OrgCommand } from './org.ts';
import { restCaller } from './rest-caller.ts';

let simulator: Simulator | undefined;
let made = 0;

process.on('message', async (command: OrgCommand & { readonly number: number }) => {
  const answer: OrgAnswer = await carryOut(command).catch((error: Error) => ({ error: error.message }));
  process.send?.({ number: command.number, ...answer });
});
process.on('disconnect', () => process.exit());

async function carryOut(command: OrgCommand): Promise<OrgAnswer> {
  if (command.do === 'start') return start(command.accounts);
  if (simulator === undefined) throw new Error('the org is not started');
  if (command.do === 'produce') return produce(simulator, command);
  if (command.do === 'change') return change(simulator, command.id);
  if (command.do === 'create') return create(simulator);
  if (command.do === 'accounts') return { ids: [...simulator.org.records()].map(({ id }) => id) };
  await simulator.close();
  return {};
}

async function start(accounts: number): Promise<OrgAnswer> {
  simulator = await startSimulator({ accounts, tls: 'pubsub', dailyApiRequests: 100_000_000 });
  const { instanceUrl, pubsubEndpoint, certificate = '', credentials } = simulator;
  const { clientId, clientSecret } = credentials;
  return {
    org: { instanceUrl, pubsubEndpoint, certificate, clientId, clientSecret },
  };
}

/**
 * Accounts that are made and accounts of which three fields change, in transactions of five, shuffled by number. Open
 * streams deliver nothing until all are on the bus: otherwise the production would be measured too.
 */
async function produce(
  { org, faults }: Simulator,
  { events, createShare }: OrgCommand & { do: 'produce' },
): Promise<OrgAnswer> {
  const caller = restCaller({ org });
  const ids = [...org.records()].map(({ id }) => id);
  const silence = faults.stream.silence.on();
  for (let done = 0; done < events; done += 5) {
    const inserted: string[] = [];
    org.transaction(caller, (tx) => {
      for (let n = done; n < Math.min(done + 5, events); n++) {
        made++;
        // Until there are some, all are new: one transaction changes no account twice, or it would be one event.
        if (ids.length < 1_000 || (n * 7919) % 1000 < createShare * 1000) {
          const result = tx.insert(newAccount(made));
          if (result.success) inserted.push(result.id);
        } else {
          const id = ids[(n + made * 5) % ids.length] ?? '';
          tx.update(id, { Phone: `+49 ${made}`, NumberOfEmployees: made, Site: `Site ${made}` });
        }
      }
    });
    ids.push(...inserted);
    if (done % 1_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  silence.off();
  return {};
}

/** @returns when it was committed, by the clock that all processes of the machine share */
function change({ org }: Simulator, id: string): OrgAnswer {
  const value = `v${++made}`;
  org.transaction(restCaller({ org }), (tx) => tx.update(id, { Site: value }));
  return { value, at: String(process.hrtime.bigint()) };
}

/** @returns when the account was made, and how long its code took to be in the record, in milliseconds */
async function create({ org }: Simulator): Promise<OrgAnswer> {
  const id = org.transaction(restCaller({ org }), (tx) => {
    const result = tx.insert(newAccount(++made));
    if (!result.success) throw new Error('the org refused an account');
    return result.id;
  });
  const begin = performance.now();
  while (typeof org.record(id)?.values['SignUpCode__c'] !== 'string') {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return { ms: performance.now() - begin };
}

function newAccount(number: number) {
  return {
    Name: `Account ${number}`,
    AccountNumber: `A-${number}`,
    Industry: 'Energy',
    Phone: `+49 30 ${number}`,
    Website: `https://account-${number}.example`,
    BillingStreet: `${number} High Street`,
    BillingCity: 'Berlin',
    BillingPostalCode: '10115',
    NumberOfEmployees: number % 5_000,
    AnnualRevenue: number * 100,
    Description: 'Made for the benchmark, with a sentence that is as long as sentences of people are.',
  };
}
