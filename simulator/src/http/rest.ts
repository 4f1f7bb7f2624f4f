import type { FastifyInstance } from 'fastify';
import { sendApiError } from './api-error.ts';
import { bulkRoutes } from './bulk/rest-bulk.ts';
import type { HttpContext } from './http-context.ts';
import { refuseUnknownRoutes } from './not-found.ts';
import { admitCaller } from './rest-caller.ts';
import { collectionRoutes } from './rest-collections.ts';
import { compositeRoutes } from './rest-composite.ts';
import { describeRoutes } from './rest-describe.ts';
import { externalIdRoutes } from './rest-external-id.ts';
import { queryRoutes } from './rest-query.ts';
import { replicationRoutes } from './rest-replication.ts';
import { resourceRoutes, versionsRoute } from './rest-resources.ts';
import { rowRoutes } from './rest-rows.ts';

/** The REST API, `/services/data`. Only the list of versions needs no token. */
export const restRoutes = (context: HttpContext) => async (app: FastifyInstance) => {
  app.setErrorHandler(sendApiError);
  app.register(versionsRoute);
  app.register(async (authenticated) => {
    authenticated.addHook('onRequest', admitCaller(context));
    refuseUnknownRoutes(authenticated);
    authenticated.register(
      async (versioned) => {
        versioned.register(resourceRoutes(context));
        versioned.register(describeRoutes(context));
        versioned.register(replicationRoutes(context));
        versioned.register(rowRoutes(context));
        versioned.register(externalIdRoutes(context));
        versioned.register(collectionRoutes(context));
        versioned.register(compositeRoutes(context));
        versioned.register(queryRoutes(context));
        versioned.register(bulkRoutes(context));
      },
      { prefix: '/:version' },
    );
  });
};
