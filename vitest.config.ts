import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    // The counts for .ci/run; a person reads the default report.
    reporters: ['default', ['json', { outputFile: 'test-results.json' }]],
  },
});
