import { defineConfig } from 'vitest/config';
import team from './vitest.team.config.ts';

/** The soak of a team's replicas at its full length, and how fast they answer among many batches: `npm run test:team:long`. */
export default defineConfig({
  test: {
    ...team.test,
    include: ['test/team/soak.test.ts', 'test/team/rates.ts'],
    env: { TEAM_BATCHES: process.env.TEAM_BATCHES ?? '500' },
    maxWorkers: 1,
  },
});
