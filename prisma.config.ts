import { defineConfig } from 'prisma/config';

// `prisma generate` needs no schema engine, but checks that one is configured;
// naming any executable keeps it from trying to download the real one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma' });
