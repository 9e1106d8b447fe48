import { it } from 'vitest';
import { bundleForTests } from '../bundle.ts';
import { crashStarter } from './left.ts';
import { mergeThroughKills } from './merge-through-kills.ts';

const starter = bundleForTests(crashStarter);

it('1,000 rows are merged through processes that are killed at any time, each stage paid once', () =>
  mergeThroughKills(starter, 1_000, 8));
