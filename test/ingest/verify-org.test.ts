import { describe, expect, it } from 'vitest';
import { abortsStartup, otherOrgText } from '../../src/ingest/verify-org.ts';
import { type FailureClass, SalesforceError } from '../../src/salesforce/error.ts';

describe('a failure of the first attempt to connect', () => {
  it.each<[string, FailureClass, { withMirror: boolean; without: boolean }]>([
    ['ECONNREFUSED', 'transient', { withMirror: false, without: false }],
    ['ENOTFOUND', 'transient', { withMirror: false, without: false }],
    ['UNAVAILABLE', 'transient', { withMirror: false, without: false }],
    ['REQUEST_LIMIT_EXCEEDED', 'quota', { withMirror: false, without: false }],
    ['INVALID_SESSION_ID', 'auth', { withMirror: false, without: false }],
    ['rate_limit_exceeded', 'throttle', { withMirror: false, without: false }],
    ['invalid_client', 'config', { withMirror: false, without: true }],
    ['topic.not.found', 'config', { withMirror: false, without: true }],
    ['API_DISABLED_FOR_ORG', 'permission', { withMirror: false, without: true }],
    ['OTHER_ORG', 'config', { withMirror: true, without: true }],
    ['SIGNUP_CODE_FILTER', 'config', { withMirror: true, without: true }],
  ])(
    'a first failure with %s (%s) ends the start as follows: %j',
    (code, failure, { withMirror, without }) => {
      const error = new SalesforceError('It says so.', code, failure);
      expect({ withMirror: abortsStartup(error, true), without: abortsStartup(error, false) }).toEqual({
        withMirror,
        without,
      });
    },
  );
});

describe('a database that mirrors another org', () => {
  const simulator = '00DTM0000000001EAA';
  const real = '00Dal0000000001EAA';

  it('a database of the simulator is named as such when a real org follows', () => {
    expect(otherOrgText(simulator, real)).toBe(
      `DATABASE_URL holds a mirror of the simulator (${simulator}), but the credentials belong to org ${real}; give that org an empty database`,
    );
  });

  it('the mirror of an org is not given to a simulator that follows', () => {
    expect(otherOrgText(real, simulator)).toMatch(
      /^DATABASE_URL holds a mirror of org 00Dal0000000001EAA, but the simulator was started; set the SALESFORCE_/,
    );
  });
});
