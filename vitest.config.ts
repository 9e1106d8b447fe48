import { configDefaults, defineConfig } from 'vitest/config';
import { AroundTests } from './test/reporter.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // They have packages and a configuration of their own: npm run test:clients.
    exclude: [...configDefaults.exclude, 'test/clients/**', 'test/team/**'],
    // Tests wait for what they expect: these are for a machine with other work to do, and for what never comes.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 90_000, interval: 20 } },
    pool: 'forks',
    // Loading the product anew for each file would take a third of the time.
    isolate: false,
    // One more than the 2 cores that this is measured on: many tests wait for a process, or for a pause.
    maxWorkers: 3,
    tags: [{ name: 'long', description: 'Long by nature: npm run test:long.' }],
    tagsFilter: ['!long'],
    // The counts for .ci/run; a person reads the others.
    reporters: [
      new AroundTests(
        'The tests take some 5 minutes on 2 cores, twice that on a busy machine; those of npm run test:long are left out.',
      ),
      'minimal',
      ['json', { outputFile: 'test-results.json' }],
    ],
  },
});
