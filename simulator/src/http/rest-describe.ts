import type { FastifyInstance } from 'fastify';
import { describeField } from './describe-field.ts';
import type { HttpContext } from './http-context.ts';
import { versionUrl } from './rest-caller.ts';
import { assertAccount } from './rest-rows.ts';

/** What the org's objects look like. */
export const describeRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.get('/sobjects', async (request) => ({
      encoding: 'UTF-8',
      maxBatchSize: 200,
      sobjects: [describeObject(versionUrl(request))],
    }));

    app.get('/sobjects/:type', async (request) => ({
      objectDescribe: describeObject(versionUrl(request)),
      recentItems: [],
    }));

    app.get('/sobjects/:type/describe', async (request) => ({
      ...describeObject(versionUrl(request)),
      childRelationships: [],
      fields: org.fields().map(describeField),
      recordTypeInfos: [],
    }));
  };

const describeObject = (base: string) => {
  const sobject = `${base}/sobjects/Account`;
  return {
    activateable: false,
    createable: true,
    custom: false,
    customSetting: false,
    deletable: true,
    deprecatedAndHidden: false,
    feedEnabled: false,
    hasSubtypes: false,
    isSubtype: false,
    keyPrefix: '001',
    label: 'Account',
    labelPlural: 'Accounts',
    layoutable: true,
    mergeable: false,
    mruEnabled: false,
    name: 'Account',
    queryable: true,
    replicateable: true,
    retrieveable: true,
    searchable: false,
    triggerable: false,
    undeletable: true,
    updateable: true,
    urls: { sobject, describe: `${sobject}/describe`, rowTemplate: `${sobject}/{ID}` },
  };
};
