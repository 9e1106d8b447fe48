import { beforeAll, describe, expect, test } from 'vitest';
import { readAnswers } from '../../src/answers/packs/read-answers.ts';
import { type DocumentReader, loadDocumentReader } from '../../src/answers/packs/read-document.ts';

let read: DocumentReader;
beforeAll(async () => {
  read = await loadDocumentReader();
});

const rows = (structured: boolean, ids = ['a', 'b', 'c']) => ids.map((id) => ({ id, structured }));

type Case = {
  name: string;
  said: string;
  found: Record<string, string | null> | null;
  unknown?: number;
  structured?: boolean;
};

const A_B = '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":"2"}]}';

const cases: Case[] = [
  { name: 'as it was asked for', said: A_B, found: { a: '1', b: '2' } },
  {
    name: 'a bare list',
    said: '[{"id":"b","answer":"2"},{"id":"a","answer":"1"}]',
    found: { a: '1', b: '2' },
  },
  { name: 'an object by ids', said: '{"a":"1","c":"3"}', found: { a: '1', c: '3' } },
  { name: 'answers by ids', said: '{"answers":{"a":"1","c":"3"}}', found: { a: '1', c: '3' } },
  { name: 'under another name', said: '{"results":[{"id":"a","answer":"1"}]}', found: { a: '1' } },
  { name: 'a single entry', said: '{"id":"a","answer":"1"}', found: { a: '1' } },
  { name: 'a fenced block', said: `\`\`\`json\n${A_B}\n\`\`\``, found: { a: '1', b: '2' } },
  {
    name: 'prose around it',
    said: `Here you are [as asked]:\n${A_B}\nDone {ok}.`,
    found: { a: '1', b: '2' },
  },
  { name: 'text by another key', said: '[{"id":"a","text":"1"}]', found: { a: '1' } },
  { name: 'an answer that is no text', said: '[{"id":"a","answer":{"x":0.10}}]', found: { a: '{"x":0.10}' } },
  { name: 'the same twice', said: '[{"id":"a","answer":"1"},{"id":"a","answer":"1"}]', found: { a: '1' } },
  {
    name: 'another one twice',
    said: '[{"id":"a","answer":"1"},{"id":"a","answer":"2"}]',
    found: { a: null },
  },
  { name: 'an id twice in an object', said: '{"a":"1","a":"2","b":"3"}', found: { a: null, b: '3' } },
  { name: 'two answers in an entry', said: '[{"id":"a","answer":"1","answer":"2"}]', found: { a: null } },
  {
    name: 'two ids in an entry',
    said: '[{"id":"a","id":"b","answer":"1"},{"id":"c","answer":"3"}]',
    found: { c: '3' },
    unknown: 1,
  },
  {
    name: 'ids of others',
    said: '[{"id":"z","answer":"9"},{"id":"a","answer":"1"}]',
    found: { a: '1' },
    unknown: 1,
  },
  {
    name: 'null for an answer',
    said: '[{"id":"a","answer":null},{"id":"b","answer":"2"}]',
    found: { b: '2' },
  },
  { name: 'nothing but prose', said: 'I am sorry.', found: null },
  { name: 'no entries', said: '{"answers":[]}', found: null },
  { name: 'ids of others alone', said: '[{"id":"z","answer":"9"}]', found: null },
  { name: 'two documents', said: `${A_B}\n${A_B}`, found: null },
  { name: 'a draft, then another', said: `{"a":"9"} No: ${A_B}`, found: null },
  {
    name: 'a draft, then one that is cut',
    said: `[{"id":"a","answer":"9"}] No: {"answers":[{"id`,
    found: null,
  },
  { name: 'a draft, then one that is broken', said: `{"a":"9"} No: {answers:[{id:"a"}]}`, found: null },
  { name: 'within another', said: `{"data":${A_B}}`, found: { a: '1', b: '2' } },
  { name: 'within a list', said: `[${A_B}]`, found: { a: '1', b: '2' } },
  { name: 'a list within a list', said: '[[{"id":"a","answer":"1"}]]', found: { a: '1' } },
  { name: 'within itself', said: `{"answers":${A_B}}`, found: { a: '1', b: '2' } },
  { name: 'two lists within a list', said: `[${A_B},${A_B}]`, found: null },
  {
    name: 'within a list, twice',
    said: '[{"answers":[{"id":"a","answer":"1"}],"answers":[{"id":"a","answer":"2"}]}]',
    found: null,
  },
  {
    name: 'ids with blanks',
    said: '[{"id":" a","answer":"1"},{"id":"b\\n","answer":"2"}]',
    found: { a: '1', b: '2' },
  },
  {
    name: 'ids in capitals',
    said: '[{"id":"A","answer":"1"},{"id":"b","answer":"2"}]',
    found: { b: '2' },
    unknown: 1,
  },
  {
    name: 'entries that are none',
    said: '[null,7,"a",{"id":["a"],"answer":"1"},{"id":"b","answer":"2"}]',
    found: { b: '2' },
    unknown: 4,
  },
  {
    name: 'answers of other types',
    said: '{"a":0,"b":false,"c":[]}',
    found: { a: '0', b: 'false', c: '[]' },
  },
  {
    name: 'a row’s answer that is an entry of another',
    said: '[{"id":"a","answer":{"id":"b","answer":"2"}}]',
    found: { a: '{"id":"b","answer":"2"}' },
  },
  { name: 'tags around it', said: `<answers>${A_B}</answers>`, found: { a: '1', b: '2' } },
  {
    name: 'two blocks, one with answers',
    said: `\`\`\`\n${A_B}\n\`\`\`\n\`\`\`\n{"note":"done"}\n\`\`\``,
    found: { a: '1', b: '2' },
  },
  {
    name: 'an answer per block',
    said: '```\n{"id":"a","answer":"1"}\n```\n```\n{"id":"b","answer":"2"}\n```',
    found: null,
  },
  { name: 'a comma too many', said: '{"answers":[{"id":"a","answer":"1"},]}', found: { a: '1' } },
  { name: 'quotes of another language', said: "{'answers':[{'id':'a','answer':'1'}]}", found: null },
  {
    name: 'cut in an escape',
    said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":"x\\',
    found: { a: '1' },
  },
  {
    name: 'cut in a number',
    said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":12',
    found: { a: '1' },
  },
  { name: 'one row’s answer alone', said: '{"a":"x","score":1,"why":"y"}', found: null },
  {
    name: 'answers twice',
    said: '{"answers":[{"id":"a","answer":"1"}],"answers":[{"id":"a","answer":"2"}]}',
    found: null,
  },
  { name: 'cut in a list', said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","ans', found: { a: '1' } },
  {
    name: 'cut in a text',
    said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":"2',
    found: { a: '1' },
  },
  {
    name: 'cut behind a text',
    said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":"2"',
    found: { a: '1' },
  },
  { name: 'cut in a bare list', said: '[{"id":"a","answer":"1"},{"id":"b"', found: { a: '1' } },
  { name: 'cut in an object by ids', said: '{"a":"1","b":"2","c":"3', found: { a: '1', b: '2' } },
  { name: 'cut in a fenced block', said: '```json\n[{"id":"a","answer":"1"},{"id"', found: { a: '1' } },
  { name: 'cut before anything', said: '{"answers":[{"id":"a","answer":"1', found: null },
  {
    name: 'broken in the middle',
    said: '{"answers":[{"id":"a","answer":"1"},{"id":"b","answer":"2"} {"id":"c","answer":"3"}]}',
    found: { a: '1', b: '2' },
  },
  {
    name: 'an object',
    said: '[{"id":"a","answer":{"label":"x"}}]',
    found: { a: '{"label":"x"}' },
    structured: true,
  },
  {
    name: 'flat keys',
    said: '[{"id":"a","label":"x","n":1.50}]',
    found: { a: '{"label":"x","n":1.50}' },
    structured: true,
  },
  {
    name: 'a flat key that is called answer',
    said: '[{"id":"a","answer":"x"}]',
    found: { a: '{"answer":"x"}' },
    structured: true,
  },
  {
    name: 'JSON in a text',
    said: '[{"id":"a","answer":"{\\"label\\":\\"x\\"}"}]',
    found: { a: '{"label":"x"}' },
    structured: true,
  },
  {
    name: 'an entry with nothing',
    said: '[{"id":"a"},{"id":"b","answer":{"label":"x"}}]',
    found: { b: '{"label":"x"}' },
    structured: true,
  },
  {
    name: 'a long number',
    said: '{"a":{"n":12345678901234567890}}',
    found: { a: '{"n":12345678901234567890}' },
    structured: true,
  },
];

describe('the answer to a pack', () => {
  test.each(cases)('$name', ({ said, found, unknown = 0, structured = false }) => {
    const answers = readAnswers(said, rows(structured), read);
    expect(answers && Object.fromEntries(answers.answers)).toEqual(found);
    if (answers !== null) expect(answers.unknown).toBe(unknown);
  });

  test('numbers for ids that look like them, however they are written', () => {
    const answers = readAnswers(
      '[{"id":1,"answer":"x"},{"id":12345678901234567890,"answer":"y"}]',
      rows(false, ['1', '12345678901234567890']),
      read,
    );
    expect(Object.fromEntries(answers?.answers ?? [])).toEqual({ '1': 'x', '12345678901234567890': 'y' });
  });

  test('a row that is called as the list', () => {
    const answers = readAnswers('{"answers":"x","id":"y"}', rows(false, ['answers', 'id']), read);
    expect(Object.fromEntries(answers?.answers ?? [])).toEqual({ answers: 'x', id: 'y' });
  });

  test('brackets without end', () => {
    expect(readAnswers('['.repeat(20_000), rows(false), read)).toBeNull();
    expect(readAnswers(`${'{"x":'.repeat(5_000)}1`, rows(false), read)).toBeNull();
  });
});
