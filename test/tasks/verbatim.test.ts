import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUnambiguous } from '../../src/tasks/verbatim.ts';

describe('a text that says the same to every parser', () => {
  it.each([
    '{}',
    '{"a":1}',
    ' { "a" : [ 1 , { "b" : -2 } ] } ',
    '{"a":"b: c, {\\"d\\": 1}"}',
    '{"a":"ends with a backslash \\\\","b":"\\\\\\""}',
    '{"a":"1.5 and 2e3 and 12345678901234567890"}',
    '{"a":{"a":{"a":null}},"b":[{"a":true},{"a":false}]}',
    '{"":0,":":":"}',
    '{"model":"x","mod\\u0065":"y"}',
    '{"__proto__":{"a":1},"constructor":2}',
  ])('%s', (text) => {
    expect(isUnambiguous(text, JSON.parse(text))).toBe(true);
  });

  it('is every text that JSON.stringify writes of values without odd numbers', () => {
    const value = fc.jsonValue();
    const odd = (text: string) => /\d[.e]|\d{16}/.test(text);
    fc.assert(
      fc.property(value, (each) => {
        const text = JSON.stringify(each);
        fc.pre(!odd(text));
        expect(isUnambiguous(text, JSON.parse(text))).toBe(true);
      }),
    );
  });
});

describe('a text that can be read in two ways', () => {
  it.each([
    ['a key twice', '{"a":1,"a":2}'],
    ['a key twice with the same value', '{"a":1,"a":1}'],
    ['a key twice, deep down', '{"a":[{"b":{"c":1,"d":2,"c":3}}]}'],
    ['a key twice, once escaped', '{"model":"x","mod\\u0065l":"y"}'],
    ['a key twice, one with an object', '{"a":{"b":1},"a":2}'],
    ['a key twice, the last with an object', '{"a":2,"a":{"b":1}}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a fraction', '{"max_tokens":100.0}'],
    ['a power', '{"max_tokens":1e2}'],
    ['a power in capitals', '{"max_tokens":1E2}'],
    ['more digits than are exact', '{"max_tokens":9007199254740993}'],
    ['a zero below zero', '{"max_tokens":-0}'],
  ])('%s', (_what, text) => {
    expect(isUnambiguous(text, JSON.parse(text))).toBe(false);
  });
});
