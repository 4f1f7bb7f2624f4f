import type pg from 'pg';
import type { CodeFilter } from '../codes/code-filter.ts';
import { checkFilter } from '../codes/code-filter.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import { createSchemaCache } from '../salesforce/schema-cache.ts';
import { storedSchemas } from './stored-schemas.ts';

export type OrgExpectations = {
  readonly topic: string;
  readonly filter: CodeFilter | null;
};

/**
 * Makes sure that the org is the one that this database mirrors and that its topic can be followed, and saves the
 * topic's schema.
 * @throws SalesforceError that names the setting
 */
export async function verifyOrg(pool: pg.Pool, org: Org, { topic, filter }: OrgExpectations): Promise<void> {
  await expectSameOrg(pool, org.organizationId);
  const { schemaId } = await org.pubsub.getTopic(topic);
  // A channel with several entities has no schema of its own; each event names its schema.
  if (schemaId !== '') {
    const schemas = createSchemaCache(storedSchemas(pool), (id) => org.pubsub.getSchema(id));
    const { entityFields } = await schemas.get(schemaId);
    try {
      checkFilter(filter, entityFields.slice(1));
    } catch (error) {
      const options = { cause: error, setting: 'SIGNUP_CODE_FILTER' };
      throw new SalesforceError((error as Error).message, 'SIGNUP_CODE_FILTER', 'config', options);
    }
  }
  await saveOrganization(pool, topic, org.organizationId);
}

/**
 * Whether a failure of the first attempt to connect ends the start. Only a wrong setting does. If there is a mirror to
 * serve, credentials that are refused are reported instead: they may be corrected in Salesforce.
 */
export function endsStart({ code, failure }: SalesforceError, isLoaded: boolean): boolean {
  if (code === 'OTHER_ORG' || code === 'SIGNUP_CODE_FILTER') return true;
  return !isLoaded && (failure === 'config' || failure === 'permission' || failure === 'bug');
}

async function expectSameOrg(pool: pg.Pool, organizationId: string): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(
    `select organization_id as id from subscriptions
      where organization_id is not null and organization_id <> $1 limit 1`,
    [organizationId],
  );
  const [mirrored] = rows;
  if (mirrored === undefined) return;
  throw new SalesforceError(otherOrgText(mirrored.id, organizationId), 'OTHER_ORG', 'config', {
    setting: 'DATABASE_URL',
  });
}

/** What is wrong and what to do, if a database holds the mirror of another org than the one that was signed in to. */
export function otherOrgText(mirrored: string, connected: string): string {
  const held = isSimulator(mirrored) ? `the simulator (${mirrored})` : `org ${mirrored}`;
  if (isSimulator(connected) && !isSimulator(mirrored)) {
    return `DATABASE_URL holds a mirror of ${held}, but the simulator was started; set the SALESFORCE_ settings of that org, or give the simulator another database`;
  }
  return `DATABASE_URL holds a mirror of ${held}, but the credentials belong to org ${connected}; give that org an empty database`;
}

// How the ids that the simulator makes begin.
function isSimulator(organizationId: string): boolean {
  return organizationId.startsWith('00DTM00000');
}

async function saveOrganization(pool: pg.Pool, topic: string, organizationId: string): Promise<void> {
  await pool.query(
    `insert into subscriptions as s (topic, organization_id) values ($1, $2)
     on conflict (topic) do update set organization_id = excluded.organization_id where s.organization_id is null`,
    [topic, organizationId],
  );
}
