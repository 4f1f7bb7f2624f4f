# syntax=docker/dockerfile:1
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc prisma.config.ts openapi.yaml ./
COPY prisma ./prisma
COPY console ./console
COPY simulator/package.json ./simulator/
# With development dependencies, to generate the Prisma client and build the console (the `prepare` script does it).
RUN npm ci --strict-allow-scripts
# Without them, and without the embedded database, for what is shipped.
RUN cp -r src/db/generated /tmp/generated && cp -r console/dist /tmp/console \
 && npm ci --omit=dev --omit=optional --ignore-scripts --workspaces=false

FROM node:24.21.0-bookworm-slim AS service
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY package.json ./
COPY prisma/migrations ./prisma/migrations
COPY src ./src
COPY docs/*.md ./docs/
COPY --from=build /tmp/generated ./src/db/generated
COPY --from=build /tmp/console ./console/dist
RUN mkdir /data && chown node:node /data
USER 1000:1000
EXPOSE 3000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# A small young generation and an early collection keep the memory flat while a backlog is worked off; so does an
# allocator that gives back what is free.
ENV MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=30", "src/main.ts"]

# For trying Tidemark without Salesforce: `docker build --target trial .`
FROM service AS trial
USER root
COPY simulator ./simulator
RUN ln -s ../simulator node_modules/salesforce-simulator
USER 1000:1000

# For production: without the simulator.
FROM service
