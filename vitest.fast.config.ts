import { configDefaults, defineConfig, mergeConfig } from 'vitest/config';
import { AroundTests } from './test/reporter.ts';
import everything from './vitest.config.ts';

/** Tests with kills, large files, real clients, waits for a stalled network or long tables: not for every save. */
const slow = [
  'test/safety/**',
  'test/server/**',
  'test/cli/**',
  'test/mcp/**',
  'test/guide*.test.ts',
  'test/provider/contract.test.ts',
  'test/provider/sandbox/sandbox.test.ts',
  'test/provider/anthropic/anthropic-provider.test.ts',
  'test/tasks/examine/thread-pool.test.ts',
  'test/answers/{checked,quoted,selected,whole}-answers.test.ts',
  'test/jobs/**',
  'test/operations/{large,retries,retry,pilot,telling}.test.ts',
  'test/state/parts.test.ts',
  'test/packs/**',
  'test/store/{stores,s3/s3}.test.ts',
  'test/cost/{ceilings,maximum}.test.ts',
  'test/tools/{advertised,as-meant,bad-files,caps,families,from-batch,labels,merge,real-data,resolve,rows-and-files,spending,downloads,effort,estimate,progress,reply-size,retry-batch,retry-changes,said,variants,waiting}.test.ts',
  'test/{cli,demo,docs,docs-examples,package,plugin}.test.ts',
];

const fast = mergeConfig(
  everything,
  defineConfig({ test: { exclude: [...configDefaults.exclude, ...slow] } }),
);
// Merging appends: the announcement of all tests would stand beside this one, and their counts be taken for all.
fast.test.reporters = [new AroundTests('The fast tests take about a minute on 2 idle cores.'), 'minimal'];
export default fast;
