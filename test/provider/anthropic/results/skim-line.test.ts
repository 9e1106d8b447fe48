import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countResultLine,
  readAroundText,
  readResultLine,
} from '../../../../src/provider/anthropic/results/result-line.ts';
import { skimLine } from '../../../../src/provider/anthropic/results/skim-line.ts';
import { tried } from '../../../long.ts';

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
  const short = skimLine(Buffer.from(given)).text;
  expect(JSON.parse(short)).toEqual(JSON.parse(line([])));
});

test('content that holds content ends where it ends, wherever it stands', () => {
  const given = line(text('one'), { container: { content: [{ content: ['x'] }] } });
  const short = skimLine(Buffer.from(given)).text;
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
  expect(skimLine(Buffer.from(given)).text).toBe(given);
});

test('content that is no list of blocks is told as it would be with all of it', () => {
  for (const content of [null, 'text', {}, 5]) {
    const given = line(content);
    const { answer: _, ...counted } = readResultLine(given) ?? {};
    expect(countResultLine(Buffer.from(given))).toEqual(counted);
  }
});

const thinking = { type: 'thinking', thinking: 'Well, "let us" see', signature: 's' };

const search = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} };

describe('whether there is an answer in a content', () => {
  test.each<[what: string, content: unknown[], isAnswered: boolean]>([
    ['a text', text('plain'), true],
    ['a text that begins with blanks', text('  \n\n\t answer'), true],
    ['a text that begins with a quote', text('"Yes"'), true],
    ['a text that begins with a backslash', text('\\alpha'), true],
    ['a text that begins with a control character', text('\u0001Yes'), true],
    ['one letter', text('é'), true],
    ['an ideograph', text('語'), true],
    ['an emoji', text('🜁'), true],
    ['half a surrogate pair', text('\ud83d'), true],
    ['a call of a tool', [{ type: 'tool_use', id: 't', name: 'look', input: {} }], true],
    ['what code gave back', [{ type: 'bash_code_execution_tool_result', content: [] }], true],
    ['what another server gave back', [{ type: 'mcp_tool_result', content: [] }], true],
    ['a text behind a zero-width space', text('\u200bYes'), true],
    ['a family of four', text('👨‍👩‍👧‍👦'), true],
    ['a search and what it found', [search, { type: 'web_search_tool_result', content: [] }], false],
    ['a call of a server tool', [search], false],
    ['zero-width characters', text('\u200b\u200c\u200d\u2060'), false],
    ['a zero-width space, a soft hyphen and a blank', text('\u200b \u00ad\n'), false],
    ['a variation selector', text('\ufe0f'), false],
    ['tags that nobody sees', text('\u{e0041}\u{e007f}'), false],
    ['a text behind thinking', [thinking, ...text('Yes')], true],
    ['a text before thinking', [...text('Yes'), thinking], true],
    ['a text behind a blank one', [...text(' '), ...text('Yes')], true],
    ['a block of the future', [{ type: 'song', notes: [1] }], true],
    ['a text with its citations first', [{ citations: null, type: 'text', text: 'Yes' }], true],
    ['a text with its type and citations first', [{ type: 'text', citations: [], text: 'Yes' }], true],
    ['nothing', [], false],
    ['an empty text', text(''), false],
    ['a next line', text('\u0085'), false],
    ['control characters', text('\u0000\u0007\u007f'), false],
    ['a text behind one that is deleted', text('\u007fYes'), true],
    ['Braille without a dot', text('\u2800 \u2800'), false],
    ['a direction and its end', text('\u202a\u202c'), false],
    ['an accent by itself', text('\u0301'), true],
    ['blanks', text(' \n\r\t '), false],
    ['a form feed', text('\f'), false],
    ['a blank that does not break', text('\u00a0'), false],
    ['an ideographic blank', text('\u3000\u2003'), false],
    ['a byte order mark', text('\ufeff'), false],
    ['thinking alone', [thinking], false],
    ['thinking that was redacted', [{ type: 'redacted_thinking', data: 'x' }], false],
    ['thinking and a blank text', [thinking, ...text('\n')], false],
    ['no text in a text', [{ type: 'text', text: null }], false],
    ['a text without its text', [{ type: 'text' }], false],
  ])('%s: %j %s', (_what, content, isAnswered) => {
    for (const given of [
      line(content),
      JSON.stringify(JSON.parse(line(content)), null, 1).replaceAll('\n', ' '),
    ]) {
      const counted = countResultLine(Buffer.from(given));
      const { answer: _, ...read } = readResultLine(given) ?? {};
      expect(counted).toEqual(read);
      expect(counted).toMatchObject(
        isAnswered
          ? { outcome: 'succeeded', error: null }
          : { outcome: 'incomplete', error: { type: 'empty_answer' } },
      );
    }
  });

  tried('any blocks are counted as they are read', 2_000, async (numRuns) => {
    const block = fc.oneof(
      fc.record({
        type: fc.constant('text'),
        text: fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom(' \n', '\u200b', '\u200b.', '\u007f', '\u0085'),
        ),
      }),
      fc.record({
        type: fc.constantFrom(
          'thinking',
          'redacted_thinking',
          'tool_use',
          'server_tool_use',
          'mcp_tool_result',
          'new',
        ),
        data: fc.jsonValue(),
      }),
    );
    fc.assert(
      fc.property(fc.array(block, { maxLength: 4 }), (content) => {
        const { answer: _, ...read } = readResultLine(line(content)) ?? {};
        expect(countResultLine(Buffer.from(line(content)))).toEqual(read);
      }),
      { numRuns },
    );
  });
});

/** JSON of a text, and whether it can be passed over: it says something, as `JSON.stringify` would write it. */
test.each([
  { json: '"plain"', passed: true },
  { json: '"caf\u00e9 \u{1f701} \u2028"', passed: true },
  { json: String.raw`"say \"no\",\n\t\b\f\r C:\\temp"`, passed: true },
  { json: String.raw`"C:\\"`, passed: true },
  { json: String.raw`"caf\u00e9"`, passed: false },
  { json: String.raw`"a\/b"`, passed: false },
  { json: String.raw`"half \ud83d"`, passed: false },
  { json: String.raw`"not\x"`, passed: false },
  { json: '"a real\ttab"', passed: false },
  { json: '" \\n"', passed: false },
  { json: '""', passed: false },
  { json: '"no end', passed: false },
])('a text is passed over where it stands as it would be written: $json', ({ json, passed }) => {
  const given = line(text('TEXT')).replace('"TEXT"', () => json);
  const around = readAroundText(Buffer.from(given), 'stand-in');
  expect(around !== null).toBe(passed);
  if (around === null) return;
  expect(Buffer.from(around.text).toString()).toBe(JSON.stringify(JSON.parse(json)));
  expect({ ...around.result.answer, text: JSON.parse(json) }).toEqual(readResultLine(given)?.answer);
});

test.each([
  { name: 'another block beside it', given: line([...text('one'), ...text('two')]) },
  { name: 'citations', given: line([{ type: 'text', text: 'one', citations: [{ url: 'u' }] }]) },
  { name: 'an answer that was cut off', given: line(text('one'), { stop_reason: 'max_tokens' }) },
  {
    name: 'content that another content stands behind',
    given: line(text('one')).replace('"stop_reason"', '"content":[],"stop_reason"'),
  },
  {
    name: 'a text that comes again',
    given: line(text('one')).replace('"text":"one"', '"text":"one","text":"two"'),
  },
  { name: 'bytes that are no UTF-8', given: Buffer.from(line(text('caf\u00e9')), 'latin1') },
])('all of a line is read with $name', ({ given }) => {
  expect(readAroundText(Buffer.from(given), 'stand-in')).toBe(null);
});
