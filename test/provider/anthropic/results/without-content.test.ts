import { expect, test } from 'vitest';
import { countResultLine, readResultLine } from '../../../../src/provider/anthropic/results/result-line.ts';
import { withoutContent } from '../../../../src/provider/anthropic/results/without-content.ts';

const line = (content: unknown, more: object = {}) =>
  JSON.stringify({
    custom_id: 'a-1',
    result: {
      type: 'succeeded',
      message: {
        model: 'm',
        content,
        stop_reason: 'end_turn',
        usage: { input_tokens: 3, output_tokens: 4 },
        ...more,
      },
    },
  });

const text = (value: string) => [{ type: 'text', text: value }];

test.each([
  { name: 'a text', content: text('plain') },
  { name: 'no block', content: [] },
  { name: 'brackets and braces', content: text(']}]}[{[') },
  { name: 'quotes', content: text('say "no" and "yes"') },
  { name: 'a backslash at the end', content: text('C:\\') },
  { name: 'backslashes before quotes', content: text('\\" \\\\" \\\\\\"') },
  { name: 'a line that looks like content', content: text('"content":[{"type":"text"}]') },
  { name: 'other letters', content: text('語 🜁 é') },
  { name: 'lists in lists', content: [{ type: 'tool_use', input: { content: [[1, { a: [] }]] } }] },
  {
    name: 'several blocks',
    content: [...text('one]'), { type: 'thinking', thinking: '"]' }, ...text('[two')],
  },
])('content is left out, and all else stays: $name', ({ content }) => {
  const given = line(content);
  const short = withoutContent(Buffer.from(given));
  expect(JSON.parse(short)).toEqual(JSON.parse(line([])));
});

test('content that holds content ends where it ends, wherever it stands', () => {
  const given = line(text('one'), { container: { content: [{ content: ['x'] }] } });
  const short = withoutContent(Buffer.from(given));
  expect(JSON.parse(short).result.message).toMatchObject({
    content: [],
    container: { content: [{ content: ['x'] }] },
  });
});

test.each([
  { name: 'of an error', given: '{"custom_id":"a","result":{"type":"errored","error":{"type":"error"}}}' },
  { name: 'written with spaces', given: '{"custom_id": "a", "result": {"content": ["x"]}}' },
  { name: 'cut within a text', given: line(text('one')).slice(0, 100) },
  { name: 'cut within a list', given: line(text('one')).replace(']', '') },
  { name: 'of no JSON', given: '<html>' },
  { name: 'with a block that is none', given: line([null]) },
  { name: 'with text for a block', given: line([...text('one'), 'two']) },
  { name: 'with a block of no type', given: line([{ text: 'one' }]) },
  { name: 'with brackets that do not match', given: line(text('one')).replace('"one"}]', '"one"]}') },
  {
    name: 'nested beyond counting',
    given: line([{ type: 'x', deep: JSON.parse('['.repeat(40) + ']'.repeat(40)) }]),
  },
])('a line is given as it is: $name', ({ given }) => {
  expect(withoutContent(Buffer.from(given))).toBe(given);
});

test('content that is no list of blocks is told as it would be with all of it', () => {
  for (const content of [null, 'text', {}, 5]) {
    const given = line(content);
    const { answer: _, ...counted } = readResultLine(given) ?? {};
    expect(countResultLine(Buffer.from(given))).toEqual(counted);
  }
});
