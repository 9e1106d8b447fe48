import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { allPages, follow, startApi } from '../api.ts';
import { rowsIn, type SentRow } from '../api-packs.ts';
import { type ApiRequest, errored, succeeded, unfinished } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNthOf } from '../long.ts';

// Whatever an answer to a pack looks like, nothing is lost and nothing gets to another row.

type Said = { id: string; answer: unknown };

const changes = fc.array(
  fc.record({
    at: fc.nat({ max: 9 }),
    kind: fc.constantFrom('drop', 'repeat', 'differ', 'foreign', 'swap', 'null', 'keys'),
  }),
  { maxLength: 4 },
);
const form = fc.constantFrom('asked', 'list', 'by id', 'flat', 'named', 'nested', 'escaped', 'unquoted');
const around = fc.constantFrom('', 'fence', 'prose', 'draft');
const fate = fc.constantFrom(
  'ended',
  'ended',
  'ended',
  'ended',
  'cut',
  'broken',
  'errored',
  'expired',
  'refused',
  'silent',
  'prose',
);
const answers = fc.record({
  changes,
  form,
  around,
  fate,
  cut: fc.double({ min: 0, max: 1, noNaN: true }),
  usage: fc.record({ input_tokens: fc.nat({ max: 5000 }), output_tokens: fc.nat({ max: 5000 }) }),
});
type Answers = typeof answers extends fc.Arbitrary<infer T> ? T : never;

const OTHER = 'of another row';
const right = ({ text }: SentRow) => ({ label: text });

/** Ids as people have them: with quotes, in other scripts, numbers with and without zeros in front, the names of keys. */
const idOf = (index: number): string =>
  [`r${index}`, `ü${index}`, `r"${index}`, `0${index}`, `${index}`, `<b>${index}`][index % 6] ?? '';
const SPECIAL = ['id', 'answer', 'answers', 'label', '__proto__', 'results', 'constructor'];

function changed(said: readonly Said[], { changes: list }: Answers): Said[] {
  const all = [...said];
  for (const { at, kind } of list) {
    const index = at % Math.max(1, all.length);
    const one = all[index];
    if (one === undefined) continue;
    const wrong = { id: one.id, answer: { label: OTHER } };
    if (kind === 'drop') all.splice(index, 1);
    if (kind === 'repeat') all.push(one);
    if (kind === 'differ') all.unshift(wrong);
    if (kind === 'foreign') all.push({ id: `nobody_${at}`, answer: { label: OTHER } });
    if (kind === 'swap') all.push(...all.splice(0, index));
    if (kind === 'null') all[index] = { id: one.id, answer: null };
    if (kind === 'keys') all[index] = { id: one.id, answer: { lable: OTHER } };
  }
  return all;
}

function written(said: readonly Said[], { form: as, around: by }: Answers): string {
  const plain: Record<typeof as, () => unknown> = {
    asked: () => ({ answers: said }),
    list: () => said,
    'by id': () => Object.fromEntries(said.map(({ id, answer }) => [id, answer])),
    flat: () => said.map(({ id, answer }) => ({ id, ...(typeof answer === 'object' ? answer : {}) })),
    named: () => ({ results: said }),
    nested: () => ({ data: { answers: said } }),
    escaped: () => ({ answers: said }),
    unquoted: () => ({ answers: said }),
  };
  const json = JSON.stringify(plain[as]());
  const text =
    as === 'unquoted'
      ? json.replaceAll(/"(id|answers?)":/g, '$1:')
      : as === 'escaped'
        ? json.replaceAll('a', '\\u0061')
        : json;
  if (by === 'fence') return `\`\`\`json\n${text}\n\`\`\``;
  if (by === 'prose') return `Here are the answers [all of them]:\n\n${text}\n\nThat is all {really}.`;
  if (by === 'draft')
    return `${JSON.stringify(said.map(({ id }) => ({ id, answer: { label: OTHER } })))}\n${text}`;
  return text;
}

function lineFor(request: ApiRequest, given: Answers): object {
  const rows = rowsIn(request);
  const { fate: what, usage } = given;
  if (what === 'errored') return errored(request, 'api_error', 'Internal server error');
  if (what === 'expired') return unfinished(request, 'expired');
  if (what === 'prose') return succeeded(request, 'I cannot do that.', { usage });
  if (what === 'silent') return succeeded(request, '', { usage, content: [] });
  const text = written(
    changed(
      rows.map((row) => ({ id: row.id, answer: right(row) })),
      given,
    ),
    given,
  );
  if (what === 'refused') return succeeded(request, text, { usage, stop_reason: 'refusal' });
  const kept = text.slice(0, Math.round(text.length * given.cut));
  if (what === 'cut') return succeeded(request, kept, { usage, stop_reason: 'max_tokens' });
  return succeeded(request, what === 'broken' ? `${kept}}]"` : text, { usage });
}

const ROWS = 10;

describe('packs with answers of all kinds', () => {
  eachNthOf(3, [1, 2, 3])(
    '(%i) add up to their rows, and no row gets what was another one’s',
    async (seed) => {
      const given = fc.sample(answers, { numRuns: 60, seed });
      const api = await startApi({
        endsAtOnce: true,
        results: (requests) =>
          requests.flatMap((request, index) => {
            const answer = given[index % given.length];
            return answer === undefined ? [] : [lineFor(request, answer)];
          }),
      });
      const server = await startServer({ api });
      const count = given.length * ROWS;
      const ids = Array.from({ length: count }, (_, index) => SPECIAL[index] ?? idOf(index));
      const table = ids.map((id, index) => `"${id.replaceAll('"', '""')}",text ${index * 7}`);
      await writeFile(path.join(server.work, 'rows.csv'), `id,text\n${table.join('\n')}\n`);
      const label = { type: 'string' };
      const output_schema = { type: 'object', properties: { label }, required: ['label'] };
      const work = { rows_file: 'rows.csv', id_column: 'id', prompt: 'Label: {{text}}', output_schema };
      const sent = await server.ok('submit_batch', { ...work, pack: ROWS });
      const { batch_id } = sent;
      const status = await follow(server, batch_id);
      expect(api.creates[0]?.requests).toHaveLength(given.length);

      const answered = await allPages(server, { batch_id, detail: 'full' });
      expect(answered.map(({ task_id }) => task_id)).toEqual(ids);
      const { pending, ...outcomes } = status.outcomes;
      const sums: Record<string, number> = {};
      for (const { outcome } of answered) sums[outcome] = (sums[outcome] ?? 0) + 1;
      expect(outcomes).toEqual({
        ...Object.fromEntries(Object.keys(outcomes).map((name) => [name, 0])),
        ...sums,
      });
      expect(pending).toBe(0);

      let finished = 0;
      for (const [index, { outcome, json, error }] of answered.entries()) {
        const own = { label: `text ${index * 7}` };
        if (outcome === 'succeeded') {
          finished += 1;
          expect(json).toEqual(own);
        } else expect(error?.type ?? outcome).toMatch(/\w/);
      }
      // Enough of them that the rest of what is expected here means something.
      expect(finished).toBeGreaterThan(count / 8);

      // What was paid is told to the token and the billionth of a dollar, and is kept as it came.
      const billed = given.filter(({ fate: what }) => what !== 'errored' && what !== 'expired');
      const paid = (name: 'input_tokens' | 'output_tokens') =>
        billed.reduce((sum, { usage }) => sum + usage[name], 0);
      const shares = (name: string) => answered.reduce((sum, { usage }) => sum + (usage?.[name] ?? 0), 0);
      expect([shares('input_tokens'), shares('output_tokens')]).toEqual([
        paid('input_tokens'),
        paid('output_tokens'),
      ]);
      expect(status.cost_usd.actual).toBeCloseTo(
        (paid('input_tokens') * 1 + paid('output_tokens') * 5) / 1e6,
        9,
      );
      await server.ok('get_results', { batch_id, output_file: 'all.raw.jsonl' });
      const raw = (await readFile(path.join(server.work, 'all.raw.jsonl'), 'utf8')).trim().split('\n');
      expect(raw.map((line) => String(JSON.parse(line).result.type)).toSorted()).toEqual(
        given
          .map(({ fate: what }) => (what === 'errored' || what === 'expired' ? what : 'succeeded'))
          .toSorted(),
      );
    },
  );
});
