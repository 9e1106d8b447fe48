import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const src = path.resolve(import.meta.dirname, '../../src');

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => name.endsWith('.ts'));

/** Those whose text, comments too, holds it. */
const holding = (pattern: RegExp) =>
  files.filter((name) => pattern.test(readFileSync(path.join(src, name), 'utf8')));

test.each([
  ["what a provider's batch is called", /msgbatch_/],
  ['which ids a request may have', /\[a-zA-Z0-9_-\]\{1,64\}/],
  ['for how many days results are kept', /\b29\b/],
  ['what a batch costs beside single requests', /'half'|\bhalf[- ](?:the )?(?:standard )?price/i],
])('%s is known to provider/ alone', (_what, pattern) => {
  const found = holding(pattern);
  expect(found).not.toEqual([]);
  expect(found.filter((name) => !name.startsWith('provider/'))).toEqual([]);
});
