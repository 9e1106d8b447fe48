import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import { AroundTests } from './test/reporter.ts';
import everything from './vitest.config.ts';

/** The files with tests that are long by nature, by what they import: no list that could fall behind. */
const withLongTests = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((name) => path.join('test', name))
  .filter((file) => file.endsWith('.test.ts') && readFileSync(file, 'utf8').includes("/long.ts'"));

/** What the default run leaves out: `npm run test:long`. */
export default defineConfig({
  test: {
    ...everything.test,
    include: withLongTests,
    exclude: [...configDefaults.exclude],
    tagsFilter: ['long'],
    reporters: [
      new AroundTests(
        'These take a quarter of an hour on 2 cores: kills at every point, soaks, large files, whole tables.',
        {
          long: false,
          reason: 'run by npm test',
        },
      ),
      'minimal',
      ['json', { outputFile: 'test-results.json' }],
    ],
  },
});
