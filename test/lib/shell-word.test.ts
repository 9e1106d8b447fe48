import { expect, test } from 'vitest';
import { shellWord } from '../../src/lib/shell-word.ts';

test.each<[word: string, posix: string, windows: string]>([
  ['a/b-1.csv', 'a/b-1.csv', 'a/b-1.csv'],
  ['100%.csv', '100%.csv', '"100%.csv"'],
  ['my file', "'my file'", '"my file"'],
  ["it's", "'it'\\''s'", `"it's"`],
  ['', "''", '""'],
  ['C:\\data\\out.json', "'C:\\data\\out.json'", 'C:\\data\\out.json'],
  ['C:\\Program Files\\out.json', "'C:\\Program Files\\out.json'", '"C:\\Program Files\\out.json"'],
  ['日本語.csv', "'日本語.csv'", '"日本語.csv"'],
  ['$(x)', "'$(x)'", '"$(x)"'],
])('%s is one word of a shell', (word, posix, windows) => {
  expect([shellWord(word, 'linux'), shellWord(word, 'win32')]).toEqual([posix, windows]);
});
