import type { FastifyInstance } from 'fastify';
import type { HttpContext } from './http-context.ts';
import type { Allowance } from './request-allowance.ts';
import { callerOf, newestVersion, oldestVersion, versionUrl } from './rest-caller.ts';

/** `GET /services/data`: the API versions, oldest first. */
export const versionsRoute = async (app: FastifyInstance) => {
  app.get('/', async () =>
    Array.from({ length: newestVersion - oldestVersion + 1 }, (_, at) => {
      const number = oldestVersion + at;
      return { label: releaseName(number), url: `/services/data/v${number}.0`, version: `${number}.0` };
    }),
  );
};

/** The resources of a version, and the limits of the org. */
export const resourceRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  app.get('/', async (request) => {
    const base = versionUrl(request);
    return {
      limits: `${base}/limits`,
      query: `${base}/query`,
      queryAll: `${base}/queryAll`,
      jobs: `${base}/jobs`,
      composite: `${base}/composite`,
      sobjects: `${base}/sobjects`,
      identity: `${context.endpoints.instanceUrl}/id/${context.org.organizationId}/${callerOf(request).userId}`,
    };
  });

  app.get('/limits', async () => {
    return {
      DailyApiRequests: limitOf(context.allowance),
      DailyBulkApiBatches: { Max: 15_000, Remaining: 15_000 },
      DailyBulkV2QueryFileStorageMB: limitOf(context.bulk.storage),
      DailyBulkV2QueryJobs: limitOf(context.bulk.allowance),
      DailyDeliveredPlatformEvents: { Max: 50_000, Remaining: 50_000 },
      DataStorageMB: { Max: 1024, Remaining: 1024 },
    };
  });
};

const limitOf = ({ max, remaining }: Allowance) => ({
  Max: Math.floor(max),
  Remaining: Math.floor(remaining),
});

/** Three releases a year; version 31 was Summer '14. */
const releaseName = (version: number): string => {
  const season = ['Summer', 'Winter', 'Spring'][(version - 31) % 3];
  const year = 14 + Math.floor((version - 31 + 2) / 3);
  return `${season} '${year}`;
};
