import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLineCounter } from '../../../../src/provider/anthropic/results/alike-lines.ts';
import { countResultLine } from '../../../../src/provider/anthropic/results/result-line.ts';
import { withoutContent } from '../../../../src/provider/anthropic/results/without-content.ts';

type Usage = Record<string, unknown>;

const usage: Usage = {
  input_tokens: 12,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 3,
  cache_creation: { ephemeral_5m_input_tokens: 1, ephemeral_1h_input_tokens: 2 },
  output_tokens: 640,
  service_tier: 'batch',
  inference_geo: 'global',
};

const answer = (custom_id: string, more: object = {}) => ({
  custom_id,
  result: {
    type: 'succeeded',
    message: {
      id: 'msg_01',
      type: 'message',
      role: 'assistant',
      model: 'claude-haiku-5-5',
      content: [{ type: 'text', text: 'An answer, "quoted", with [brackets] and ü.' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage,
      ...more,
    },
  },
});

const read = (counter: ReturnType<typeof createLineCounter>, line: string) => counter(Buffer.from(line));
const parsed = (line: string) => countResultLine(withoutContent(Buffer.from(line)));

const tenAlike = (line: (i: number) => unknown) => Array.from({ length: 10 }, (_, i) => line(i));

test.each<[what: string, lines: unknown[]]>([
  [
    'answers that differ in their values',
    tenAlike((i) => answer(`t-${i}`, { model: `m-${i}`, stop_reason: `r-${i}` })),
  ],
  ['counts', tenAlike((i) => answer('t', { usage: { ...usage, input_tokens: 10 ** i, output_tokens: i } }))],
  [
    'counts that are not exact',
    tenAlike((i) => answer('t', { usage: { ...usage, input_tokens: 10 ** (i + 12) } })),
  ],
  ['counts below zero', tenAlike((i) => answer('t', { usage: { ...usage, input_tokens: 1 - i } }))],
  ['counts with fractions', tenAlike((i) => answer('t', { usage: { ...usage, output_tokens: i / 2 } }))],
  ['counts that are texts', tenAlike((i) => answer('t', { usage: { ...usage, output_tokens: `${i}` } }))],
  ['counts that are missing', tenAlike((i) => answer('t', { usage: i % 2 ? usage : { input_tokens: 5 } }))],
  ['no stop reason', tenAlike((i) => answer('t', { stop_reason: i % 2 ? 'max_tokens' : null }))],
  [
    'no caching',
    tenAlike((i) => answer('t', { usage: { ...usage, cache_creation: i % 2 ? null : undefined } })),
  ],
  [
    'searches',
    tenAlike((i) => answer('t', { usage: { ...usage, server_tool_use: { web_search_requests: i } } })),
  ],
  ['ids that need escaping', tenAlike((i) => answer(`t "${i}" \\ ü`))],
  [
    'values that a pattern could take for its own',
    tenAlike((i) => answer('t', { id: `(.*)[${i}]+?$|^{1}\\d` })),
  ],
  ['keys that a pattern could take for its own', tenAlike((i) => answer('t', { '(.*)[a]+?$|^{1}\\d': i }))],
  [
    'a type that is another',
    tenAlike((i) => ({
      ...answer('t'),
      result: { ...answer('t').result, type: i % 3 ? 'succeeded' : 'errored' },
    })),
  ],
  [
    'more shapes than are kept',
    tenAlike((i) => answer('t', { [`field_${i}`]: 1 })).flatMap((line) => [line, line]),
  ],
  [
    'what is no answer between answers',
    tenAlike((i) => (i % 2 ? answer(`t-${i}`) : { custom_id: 't', result: { type: 'expired' } })),
  ],
  [
    'a member of the same name elsewhere',
    tenAlike((i) => answer('t', { container: { model: `other-${i}`, usage: { input_tokens: i } } })),
  ],
])('%s are read as if each were parsed', (_what, lines) => {
  for (const indent of [undefined, 1]) {
    const reader = createLineCounter();
    for (const line of lines) {
      const text = JSON.stringify(line, null, indent).replaceAll('\n', ' ');
      expect(read(reader, text)).toEqual(parsed(text));
    }
  }
});

test('a member that comes twice counts as JSON.parse has it', () => {
  const reader = createLineCounter();
  const twice = (i: number) =>
    JSON.stringify(answer('first')).replace(
      '"custom_id":"first"',
      `"custom_id":"first","custom_id":"second-${i}"`,
    );
  for (let i = 0; i < 5; i += 1) expect(read(reader, twice(i))).toEqual(parsed(twice(i)));
});

test('a line that is damaged anywhere is read as if it were parsed', () => {
  const line = JSON.stringify(answer('task-1', { content: [] }));
  const reader = createLineCounter();
  expect(read(reader, line)).toEqual(parsed(line));
  const damage = fc.record({
    at: fc.nat(line.length - 1),
    remove: fc.nat(3),
    add: fc.string({ unit: fc.constantFrom(...'"\\{}[],: 019-.eEntül\t\u0001'.split('')), maxLength: 3 }),
  });
  fc.assert(
    fc.property(damage, ({ at, remove, add }) => {
      const damaged = `${line.slice(0, at)}${add}${line.slice(at + remove)}`;
      expect(read(reader, damaged)).toEqual(parsed(damaged));
    }),
    { numRuns: 3_000 },
  );
});
