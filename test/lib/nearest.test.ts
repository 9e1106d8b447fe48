import { describe, expect, it } from 'vitest';
import { didYouMean, nearest, quoteName } from '../../src/lib/nearest.ts';

const candidates = ['max_tokens', 'model', 'tools', 'analyze_logs'];

describe('nearest', () => {
  it.each([
    ['max_token', 'max_tokens'],
    ['maxTokens', 'max_tokens'],
    ['MAX-TOKENS', 'max_tokens'],
    ['max tokens', 'max_tokens'],
    ['modle', 'model'],
    ['analyse_logs', 'analyze_logs'],
    ['analyze_log', 'analyze_logs'],
    ['tool', 'tools'],
    ['toosl', 'tools'],
    ['otols', 'tools'],
    ['oto', undefined],
    ['a', undefined],
    ['', undefined],
    ['__', undefined],
    ['mo', undefined],
    ['fool', undefined],
    ['max_tokens_to_sample', undefined],
    ['analyze_dogmas', undefined],
  ])('%j -> %j', (name, expected) => {
    expect(nearest(name, candidates)).toBe(expected);
  });

  it('takes two letters that changed places for one slip, in short names too', () => {
    expect(nearest('txet', ['id', 'text'])).toBe('text');
    expect(nearest('di', ['id', 'text'])).toBeUndefined();
    expect(nearest('ttxe', ['id', 'text'])).toBeUndefined();
  });

  it('takes the closest of several', () => {
    expect(nearest('claude-opus-4-6', ['claude-opus-4-58', 'claude-opus-4-5'])).toBe('claude-opus-4-5');
  });
});

it('says nothing where no name is near', () => {
  expect(didYouMean('maxtokens', candidates)).toBe(' (did you mean "max_tokens"?)');
  expect(didYouMean('zebra', candidates)).toBe('');
});

it('escapes and cuts names for messages', () => {
  expect(quoteName('a"b\n')).toBe('"a\\"b\\n"');
  expect(quoteName('x'.repeat(1000))).toBe(`"${'x'.repeat(64)}…"`);
});
