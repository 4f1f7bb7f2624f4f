import type pg from 'pg';
import type { CodeFilter } from '../codes/code-filter.ts';
import { checkFilter } from '../codes/code-filter.ts';
import type { Database } from '../db/database.ts';
import type { PrismaClient } from '../db/generated/client.ts';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import { createSchemaCache } from '../salesforce/schema-cache.ts';
import { storedSchemas } from './stored-schemas.ts';

export type OrgExpectations = {
  readonly topic: string;
  readonly filter: CodeFilter | null;
};

/**
 * Checks that this database mirrors the org and that the topic exists, and saves the schema of the topic.
 * @throws SalesforceError that names the setting
 */
export async function verifyOrg(
  database: Pick<Database, 'pool' | 'prisma'>,
  org: Org,
  { topic, filter }: OrgExpectations,
): Promise<void> {
  await expectSameOrg(database.prisma, org.organizationId);
  const { schemaId } = await org.pubsub.getTopic(topic);
  // A channel with several entities has no schema of its own; each event names its schema.
  if (schemaId !== '') {
    const schemas = createSchemaCache(storedSchemas(database), (id) => org.pubsub.getSchema(id));
    const { entityFields } = await schemas.get(schemaId);
    try {
      checkFilter(filter, entityFields.slice(1));
    } catch (error) {
      const options = { cause: error, setting: 'SIGNUP_CODE_FILTER' };
      throw new SalesforceError((error as Error).message, 'SIGNUP_CODE_FILTER', 'config', options);
    }
  }
  await saveOrganization(database.pool, topic, org.organizationId);
}

/**
 * Whether a failure of the first connection aborts the startup. Only an invalid setting does. If there is a mirror to
 * serve, refused credentials are only reported, because they may be corrected in Salesforce.
 */
export function abortsStartup({ code, failure }: SalesforceError, isLoaded: boolean): boolean {
  if (code === 'OTHER_ORG' || code === 'SIGNUP_CODE_FILTER') return true;
  return !isLoaded && (failure === 'config' || failure === 'permission' || failure === 'bug');
}

async function expectSameOrg(prisma: PrismaClient, organizationId: string): Promise<void> {
  const other = await prisma.subscription.findFirst({ where: { organizationId: { not: organizationId } } });
  if (other?.organizationId == null) return;
  throw new SalesforceError(otherOrgText(other.organizationId, organizationId), 'OTHER_ORG', 'config', {
    setting: 'DATABASE_URL',
  });
}

/** Error message for a database with a mirror of another org than that of the credentials. */
export function otherOrgText(mirrored: string, connected: string): string {
  const owner = isSimulator(mirrored) ? `the simulator (${mirrored})` : `org ${mirrored}`;
  if (isSimulator(connected) && !isSimulator(mirrored)) {
    return `DATABASE_URL holds a mirror of ${owner}, but the simulator was started; set the SALESFORCE_ settings of that org, or give the simulator another database`;
  }
  return `DATABASE_URL holds a mirror of ${owner}, but the credentials belong to org ${connected}; give that org an empty database`;
}

// Prefix of the organization ids of the simulator.
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
