import { deepEqual, equal } from 'node:assert/strict';
import type { LiveMirror } from '../../helpers/live-mirror.ts';

/** A code that a person gave before ours arrived is adopted: it is never overwritten. */
export async function heldCodeIsAdopted(mirror: LiveMirror): Promise<void> {
  const result = mirror.inOneTransaction((tx) => tx.insert({ Name: 'Has one already' }));
  const id = result.success ? result.id : '';
  mirror.changeSilently(id, { SignUpCode__c: 'BY-HAND-01' });
  await mirror.accountWhen(id, 'it has a code', ({ codeState }) => codeState !== 'pending');
  await mirror.worked();
  equal((await mirror.salesforce.read(id))['SignUpCode__c'], 'BY-HAND-01', 'the code of a person stays');
  equal((await mirror.account(id)).signupCode, 'BY-HAND-01', 'the code of a person is adopted');
}

/** A refused code is not counted as written: it is stored with Salesforce's reason. */
export async function refusedCodeHasFailed(mirror: LiveMirror): Promise<void> {
  const { refused } = mirror.simulator.faults.records;
  refused.on({ errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', field: 'SignUpCode__c' });
  const id = await mirror.salesforce.create({ Name: 'Refused' });
  await mirror.settled();
  await mirror.worked();
  refused.off();
  const { codeState, codeError } = await mirror.account(id);
  deepEqual(
    [codeState, codeError?.code],
    ['failed', 'FIELD_CUSTOM_VALIDATION_EXCEPTION'],
    'the refusal is stored',
  );
}
