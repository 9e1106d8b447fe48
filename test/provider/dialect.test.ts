import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));
const PROVIDER = /^provider\//;

/** What the rest of the house may know of providers: their words, and whoever makes them. */
const FACE = [
  'bounded-results',
  'dialect',
  'dialects',
  'model',
  'models',
  'paced-provider',
  'provider',
  'providers',
  'result',
].map((name) => `provider/${name}.ts`);

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .map((name) => name.split(path.sep).join('/'))
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readFileSync(path.join(SRC, name), 'utf8') }));
const outside = files.filter(({ name }) => !PROVIDER.test(name));

/** The lines in which a pattern is found, as `file: line`. */
function found(pattern: RegExp, where = outside): string[] {
  return where.flatMap(({ name, text }) =>
    text
      .split('\n')
      .filter((line) => pattern.test(line))
      .map((line) => `${name}: ${line.trim()}`),
  );
}

describe('what is known outside provider/', () => {
  test.each([
    ['the ids of batches', /msgbatch_/],
    ['the ids of requests', /\{1,64\}/],
    ['how long results are kept', /\b29\b/],
    ["a batch's price", /half[- ](the )?price|half of (each|that)|\/ 2 \/ 1_000_000|batch_factor: 0/i],
    ['how a body begins', /\{"requests":/],
    ['how many requests a batch takes', /100_000|256_000_000|250_000_000/],
    [
      'params of the Messages API',
      /cache_control:|output_config|tool_choice|budget_tokens|input_schema|web_search_requests|ephemeral_\d|max_uses:|stop_sequences/,
    ],
    ['blocks of the Messages API', /'(tool_use|tool_result|thinking|redacted_thinking)'/],
    ["the SDK's package", /@anthropic-ai\/sdk/],
  ])('nothing of %s', (_what, pattern) => {
    expect(found(pattern)).toEqual([]);
    // Else the pattern, and not the house, would be what is right.
    expect(found(pattern, files)).not.toEqual([]);
  });

  test('only the face of provider/ is imported', () => {
    const imports = outside.flatMap(({ name, text }) =>
      [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)]
        .map(([, specifier = '']) => path.posix.join(path.posix.dirname(name), specifier))
        .filter((target) => PROVIDER.test(target) && !FACE.includes(target))
        .map((target) => `${name} -> ${target}`),
    );
    expect(imports).toEqual([]);
  });

  test('only provider/anthropic/ imports the SDK', () => {
    const importing = files.filter(({ text }) => /'@anthropic-ai\/sdk/.test(text)).map(({ name }) => name);
    expect(importing.filter((name) => !name.startsWith('provider/anthropic/'))).toEqual([]);
    expect(importing).not.toEqual([]);
  });
});
