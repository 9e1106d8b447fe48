import { defineConfig } from 'vitest/config';

/** Other people's clients, installed by test/clients/package.json: `npm run test:clients`. */
export default defineConfig({
  test: {
    include: ['test/clients/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 300_000,
    expect: { poll: { timeout: 120_000, interval: 50 } },
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
  },
});
