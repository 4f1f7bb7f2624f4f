import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'simulator',
    include: ['test/**/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    isolate: false,
    // As many as the other projects have: Vitest runs them in one pool.
    maxWorkers: 4,
  },
});
