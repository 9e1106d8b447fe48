import { defineConfig } from 'vitest/config';

/** Hunts by chance, with seeds that are printed and can be set: `npm run kills`, `npm run mutations`. */
export default defineConfig({
  test: {
    include: ['test/safety/*.hunt.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 2,
    reporters: ['dot'],
  },
});
