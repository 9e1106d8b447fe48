import { describe, expect, it } from 'vitest';
import { redact } from '../src/log.ts';

const key = 'key-of-twelve-and-more';
const quoted = 'a"token\\with.odd+ends=';
const signs = 'ûïÿ~~>>??ÿÿþþ';
const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('redact takes out a secret', () => {
  it.each([
    ['as a whole word', `bad ${key}, or (${key})`, 'bad [key], or ([key])'],
    ['in quotes', `"${key}"`, '"[key]"'],
    ['that was given with a line break', `bad ${key}`, 'bad [key]', `${key}\n`],
    ['with a quote in it', `bad ${quoted}!`, 'bad [key]!', quoted],
    ['as JSON writes it', JSON.stringify({ token: quoted }), '{"token":"[key]"}', quoted],
    ['as an address holds it', `?t=${encodeURIComponent(quoted)}`, '?t=[key]', quoted],
    ['as PHP writes JSON', '"a\\/slash\\/in\\/it"', '"[key]"', 'a/slash/in/it'],
    ['as Python writes JSON', '"sch\\u00f6nes Wort \\ud83d\\ude00"', '"[key]"', 'schönes Wort 😀'],
    ['as a form holds it', 'k=three+blanks+in+it&x', 'k=[key]&x', 'three blanks in it'],
    ['after an escape of an address', `h=Bearer%20${key}%0A`, 'h=Bearer%20[key]%0A'],
    ['after an escape of JSON', `"Authorization:\\n${key}\\n"`, '"Authorization:\\n[key]\\n"'],
    ['after a character by its code', `"\\u000a${key}"`, '"\\u000a[key]"'],
    ['as an address in small letters holds it', '?t=a%2fb%2bc%3dd-and-more', '?t=[key]', 'a/b+c=d-and-more'],
    ['as Python holds it in an address', '?t=a/b%2Bc%3Dd-and-more', '?t=[key]', 'a/b+c=d-and-more'],
    ['as an address without any sign holds it', '?t=a%28b%29%21c-and-more', '?t=[key]', 'a(b)!c-and-more'],
    ['of whatever session, by its beginning', 'xsk-ant-oat01-abc_d-e.', 'x[key].'],
    ['in base64', `{"auth":"${base64(key)}"}`, '{"auth":"[key]"}'],
    ['in base64 behind a name', `Basic ${base64(`ada:${key}`)}.`, 'Basic YWRhOmtl[key].'],
    ['in base64 among others', base64(`{"key":"${key}","n":1}`), 'eyJrZXkiOiJr[key]'],
    ['in base64 as tokens have it', Buffer.from(signs).toString('base64url'), '[key]', signs],
    ['of any length in an address', 'http://ada:pw@p.example:1/x', 'http://[key]@p.example:1/x'],
    ['that is a name alone', 'through https://pw@p.example', 'through https://[key]@p.example'],
  ])('%s', (_what, text, clean, secret = key) => {
    expect(redact(text, [secret])).toBe(clean);
  });

  it('that begins with another one', () => {
    expect(redact(`${key}-longer ${key}`, [key, `${key}-longer`])).toBe('[key] [key]');
  });

  it.each([
    ['a short one', 'the word token', 'token'],
    ['a part of a word', `un${key}ed`, key],
    ['an empty one', 'a text', ''],
    ['an address without a user', 'https://p.example/a@b', key],
  ])('but leaves %s', (_what, text, secret) => {
    expect(redact(text, [secret])).toBe(text);
  });
});
