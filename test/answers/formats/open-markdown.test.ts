import { expect, it } from 'vitest';
import { whatIsOpen } from '../../../src/answers/formats/open-markdown.ts';

it.each<[what: string, text: string, closing: string | null]>([
  ['words', 'a < b, `code` and ~~not~~', null],
  ['a block of code', 'So:\n```ts\nlet a;\n```\nDone.', null],
  ['one that is not closed', 'So:\n```ts\nlet a;', '```'],
  ['one with Windows line ends', 'So:\r\n```ts\r\nlet a;\r\n```\r\n', null],
  ['longer fences', '````\n```\nx\n```', '````'],
  ['a longer end', '```\nx\n````', null],
  ['tildes', '~~~\n```\n', '~~~'],
  ['an end with words behind it', '```\nx\n``` more', '```'],
  ['a second block', '```\na\n```\n\n```\nb', '```'],
  ['code on one line', '```x```', null],
  ['one that is set in', '1. So:\n   ```js\n   a', '   ```'],
  ['one that is set in as code', '    ```\nx', null],
  ['a comment', 'a\n<!-- b\n\nc', '-->'],
  ['a comment that ends', '<!-- b\n\nc -->\nd', null],
  ['a comment on one line', '<!-- b -->', null],
  ['a fence in a comment', '<!--\n```\n-->', null],
  ['a script', '<script>\nlet a;\n\nlet b;', '</script>'],
  ['one that ends', '<pre>\n\n</pre>\n', null],
  ['a word that begins like one', '<prefix>\n\nx', null],
  ['an instruction', '<?php\n\necho 1;', '?>'],
  ['a declaration', '<!DOCTYPE html>\n', null],
  ['data', '<![CDATA[\n\nx', ']]>'],
  ['other HTML, which a blank line ends', '<div>\n\nx', null],
])('knows what a text leaves open: %s', (_what, text, closing) => {
  expect(whatIsOpen(text)).toBe(closing);
  if (closing !== null) expect(whatIsOpen(`${text}\n${closing}`)).toBeNull();
});
