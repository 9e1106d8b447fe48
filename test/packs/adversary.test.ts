import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readAnswers } from '../../src/answers/packs/read-answers.ts';
import { type DocumentReader, loadDocumentReader } from '../../src/answers/packs/read-document.ts';

// Answers to packs, made to be taken for another row's: ids that are called as the keys of answers, answers that look like
// entries, and whatever breaks the document around them.

const IDS =
  'answers id answer label items results length a b 1 01 007 7 -0 12345678901234567890 __proto__ constructor toString'.split(
    ' ',
  );

let read: DocumentReader;
beforeAll(async () => {
  read = await loadDocumentReader();
});

const forms = fc.constantFrom(
  'asked',
  'list',
  'by id',
  'flat',
  'named',
  'nested',
  'single',
  'unquoted',
  'pairs',
  'keyed',
  'numbers',
  'answers twice',
  'id twice',
  'entries in a row',
);
const share = fc.double({ min: 0, max: 1, noNaN: true });
const said = fc.record({
  ids: fc.uniqueArray(fc.constantFrom(...IDS), { minLength: 1, maxLength: 6 }),
  /** Whether objects are asked for, and whether they are given. */
  structured: fc.boolean(),
  objects: fc.boolean(),
  form: forms,
  around: fc.constantFrom('', 'fence', 'prose', 'quotes', 'thought'),
  dropped: fc.nat({ max: 7 }),
  isReversed: fc.boolean(),
  cut: fc.option(share),
  noise: fc.option(fc.tuple(share, fc.constantFrom('"', '{', '}', '[', ']', ',', ':', '\\', ' ', 'x'))),
});
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never;
type Entry = { id: string; answer: unknown };

const asNumber = ({ id, answer }: Entry): string =>
  /^-?\d+$/.test(id)
    ? `{"id":${id.replace(/^(-?)0+(?=\d)/, '$1')},"answer":${JSON.stringify(answer)}}`
    : JSON.stringify({ id, answer });

const flat = ({ id, answer }: Entry) =>
  typeof answer === 'object' ? { id, ...answer } : { id, text: answer };

function written(form: Said['form'], entries: readonly Entry[]): string {
  const json = JSON.stringify;
  const members = entries.map(({ id, answer }) => `${json(id)}:${json(answer)}`);
  switch (form) {
    case 'asked':
      return json({ answers: entries });
    case 'list':
      return json(entries);
    case 'by id':
      return `{${members.join(',')}}`;
    case 'flat':
      return json(entries.map(flat));
    case 'named':
      return json({ results: entries });
    case 'nested':
      return json({ data: { answers: entries } });
    case 'single':
      return json(entries[0] ?? {});
    case 'unquoted':
      return json({ answers: entries }).replaceAll(/"(id|answers|answer)":/g, '$1:');
    case 'pairs':
      return json(entries.map(({ id, answer }) => [id, answer]));
    case 'keyed':
      return `[${members.map((member) => `{${member}}`).join(',')}]`;
    case 'numbers':
      return `{"answers":[${entries.map(asNumber).join(',')}]}`;
    case 'answers twice':
      return `{"answers":${json(entries)},"answers":${json(entries.toReversed())}}`;
    case 'id twice':
      return `{"answers":[${entries.map(({ id, answer }) => `{"id":${json(entries[0]?.id)},"id":${json(id)},"answer":${json(answer)}}`).join(',')}]}`;
    case 'entries in a row':
      return entries.map((entry) => json(entry)).join('\n');
  }
}

function textOf({ ids, objects, form, around, dropped, isReversed, cut, noise }: Said): string {
  const decoy = (id: string | undefined, own: string) => [{ id, answer: own, label: own }];
  const answerOf = (id: string) => {
    const own = `own ${id}`;
    return objects ? { label: own, items: decoy(ids[0], own), answers: decoy(ids.at(-1), own) } : own;
  };
  const entries = ids.filter((_, index) => index !== dropped).map((id) => ({ id, answer: answerOf(id) }));
  const document = written(form, isReversed ? entries.toReversed() : entries);
  const texts: Record<typeof around, string> = {
    '': document,
    fence: `\`\`\`json\n${document}\n\`\`\``,
    prose: `Here [all of it], {as asked}:\n${document}\nDone [1] {ok}.`,
    quotes: `He said "so { it [ is" ${document} and "}"`,
    thought: `{"thought": "x" bad ${document}`,
  };
  let text = texts[around];
  if (noise !== null) {
    const [place, sign] = noise;
    const at = Math.floor(place * text.length);
    text = text.slice(0, at) + sign + text.slice(at);
  }
  return cut === null ? text : text.slice(0, Math.floor(cut * text.length));
}

/** Whether an answer is one by the schema that these are asked for by. */
function isTaken(answer: string, structured: boolean): boolean {
  if (!structured) return true;
  try {
    const value: { label?: unknown; items?: unknown } | null = JSON.parse(answer);
    return typeof value?.label === 'string' && Array.isArray(value.items);
  } catch {
    return false;
  }
}

describe('an adversary', () => {
  test('gets no row the answer of another one, nor an answer for none', () => {
    let taken = 0;
    fc.assert(
      fc.property(said, (given) => {
        const { ids, structured } = given;
        const text = textOf(given);
        const found = readAnswers(
          text,
          ids.map((id) => ({ id, structured })),
          read,
        );
        for (const [id, answer] of found?.answers ?? []) {
          expect(ids).toContain(id);
          if (answer === null || !isTaken(answer, structured)) continue;
          taken += 1;
          // What the noise has fallen into is nobody's.
          const owners = [...JSON.stringify(answer).matchAll(/"own ([\w-]+)\\?"/g)].map(([, owner]) => owner);
          expect(
            owners.filter((owner) => owner !== id && ids.some((each) => each === owner)),
            text,
          ).toEqual([]);
        }
      }),
      { numRuns: Number(process.env.RUNS ?? 4_000) },
    );
    // Most are in no form that is read.
    expect(taken).toBeGreaterThan(200);
  });

  test.each(['answer', 'id'])('gets a row called %s nothing by an entry whose key is garbled', (id) => {
    const rows = [id, 'b'].map((each) => ({ id: each, structured: false }));
    expect(readAnswers('{"]id": "b", "answer": "own b"}', rows, read)).toBeNull();
    expect(readAnswers('{"id": "b]", "answer": "own b"}', rows, read)).toBeNull();
  });

  const ROWS = ['answer', 'id', 'text', 'label', '7', 'b'].map((id) => ({ id, structured: false }));
  const answersIn = (text: string) => [...(readAnswers(text, ROWS, read)?.answers ?? [])];

  test.each([
    '{"]id": "b", "answer": "own b"}',
    '{"xid": "b", "text": "own b"}',
    '{"i d": "b", "label": "own b"}',
    '{"id\\"": "b", "id": "own b"}',
    '{"no": 7, "answer": "own 7"}',
    '{"no": "7", "text": "own 7"}',
    '{"row": "text", "label": "own text"}',
    '{"answer": "own b", ":id": "b"}',
    '{"id": "own b", "answer ": "b"}',
  ])('gives no row anything by an entry whose key is garbled: %s', (text) => {
    expect(answersIn(text)).toEqual([]);
  });

  test('still reads answers by their ids, beside one for a row that there is not', () => {
    expect(answersIn('{"text": "1", "label": "2", "b": "3", "c": "4"}')).toEqual([
      ['text', '1'],
      ['label', '2'],
      ['b', '3'],
    ]);
  });

  test('spoils no other row with an answer that is nested too deep to be written', () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    const text = `{"answers":[{"id":"a","answer":${deep}},{"id":"b","answer":"2"}]}`;
    const rows = ['a', 'b'].map((id) => ({ id, structured: false }));
    expect([...(readAnswers(text, rows, read)?.answers ?? [])]).toEqual([['b', '2']]);
  });

  test('holds nobody up with brackets', () => {
    const rows = ['a', 'b'].map((id) => ({ id, structured: false }));
    expect(readAnswers('{"a":['.repeat(100_000), rows, read)).toBeNull();
    expect(readAnswers('[ x '.repeat(300_000), rows, read)).toBeNull();
  });
});
