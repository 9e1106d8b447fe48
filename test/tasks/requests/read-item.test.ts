import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringifyExact } from '../../../src/lib/exact-json.ts';
import { readItem } from '../../../src/tasks/requests/read-item.ts';

const read = (text: string) => readItem(text, Buffer.from(text));
const isUnambiguous = (text: string) => read(text)?.bytes !== undefined;

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
    expect(isUnambiguous(text)).toBe(true);
  });

  it('is every text that JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (each) => {
        const text = JSON.stringify(each);
        expect(isUnambiguous(text)).toBe(true);
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
  ])('%s', (_what, text) => {
    expect(isUnambiguous(text)).toBe(false);
  });
});

describe('a key that comes twice', () => {
  it.each([
    ['prompt', '{"prompt":"x","prompt":"y"}'],
    ['c', '{"a":[{"b":{"c":1,"d":2,"c":3}}]}'],
    ['model', '{"model":"x","mod\\u0065l":"y"}'],
    ['a', '{"a":{"b":"}\\""},"b":[{"a":1}],"a" : 2}'],
    ['', '{"":1,"":2}'],
  ])('is named: %j', (key, text) => {
    expect(read(text)?.repeatedKey).toBe(key);
  });

  it('is none where it stands in two objects', () => {
    expect(read('{"a":{"a":[{"a":1},{"a":2}]}}')?.repeatedKey).toBeNull();
  });
});

describe('numbers', () => {
  it.each([
    ['{"a":100.10}', true],
    ['{"a":12345678901234567890}', true],
    ['{"a":-0}', true],
    ['{"a":1E2}', true],
    ['{"a":"100.10"}', false],
    ['{"a":17}', false],
  ])('%s keep their source: %s', (text, kept) => {
    const item = read(text);
    expect(item?.value).toEqual(JSON.parse(text));
    expect(item?.exact !== item?.value).toBe(kept);
    expect(stringifyExact(item?.exact)).toBe(text);
  });
});
