import { defineConfig } from 'vitest/config';

/** The store that a team shares, on a PostgreSQL that test/team/package.json installs: `npm run test:team`. */
export default defineConfig({
  test: {
    include: ['test/team/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 90_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['default'],
  },
});
