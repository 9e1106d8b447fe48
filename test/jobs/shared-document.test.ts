import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { startApi } from '../api.ts';
import { packAnswer, rowsIn } from '../api-packs.ts';
import { type ApiRequest, succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { long } from '../long.ts';
import { csvOf, play, readTable, times, wholeJob } from './play.ts';

// 400 questions about one document of 10 pages, and what the stand-in bills for it beside what the estimate said.

const QUESTIONS = 400;
const DOCUMENT =
  'The parties agree on what is written here, page after page, for as long as it takes. '.repeat(300);
const question = (index: number) => `What does clause ${index} say?`;

/** As the stand-in counts, which is the API's count here: four characters a token. */
const tokensOf = (params: ApiRequest['params']) => Math.ceil(JSON.stringify(params.messages).length / 4);
const DOCUMENT_TOKENS = Math.ceil(DOCUMENT.length / 4);

type Cache = 'plain' | 'written by all' | 'read by all but the first' | 'read by later batches';

/** A batch whose requests are billed so. */
async function billed(cache: Cache) {
  let batches = 0;
  const usageOf = (request: ApiRequest, index: number) => {
    const { params } = request;
    const all = tokensOf(params);
    const rest = cache === 'plain' ? all : all - DOCUMENT_TOKENS;
    const isLater = cache === 'read by later batches' ? batches > 1 : index > 0;
    const isRead = isLater && cache !== 'plain' && cache !== 'written by all';
    const written = cache === 'plain' || isRead ? 0 : DOCUMENT_TOKENS;
    return {
      input_tokens: rest,
      cache_creation_input_tokens: written,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: written },
      cache_read_input_tokens: isRead ? DOCUMENT_TOKENS : 0,
      output_tokens: 200 * Math.max(1, rowsIn(request).length),
      service_tier: 'batch',
    };
  };
  const api = await startApi({
    endsAtOnce: true,
    tokens: tokensOf,
    results: (requests) => {
      batches += 1;
      return requests.map((each, index) => {
        const isPack = rowsIn(each).length > 0;
        const text = isPack ? packAnswer(each, ({ id }) => `Answer ${id}`) : `Answer ${index}`;
        return succeeded(each, text, { usage: usageOf(each, index) });
      });
    },
  });
  const server = await startServer({ api });
  await writeFile(path.join(server.work, 'contract.txt'), DOCUMENT);
  const rows = times(QUESTIONS, (index) => [`q${index}`, question(index)]);
  await writeFile(path.join(server.work, 'questions.csv'), csvOf(['id', 'question'], rows));
  return { api, server };
}

const figures = (said: string) => (said.match(/\$([\d.]+\d)/g) ?? []).map((usd) => Number(usd.slice(1)));

test('20: 400 questions about one document: the estimate beside the bill, plain, cached and packed', {
  ...long,
  timeout: 120_000,
}, async () => {
  const { server } = await billed('plain');
  const work = {
    rows_file: 'questions.csv',
    id_column: 'id',
    prompt: '{{question}}',
    context_files: ['contract.txt'],
    model_tier: 'cheap',
  };
  const { cost_usd, advice } = await server.ok('estimate_cost', {
    ...work,
    output_tokens_per_request: 200,
  });
  const [said = ''] = advice.filter((each: string) => each.startsWith('context_files'));
  const [plain = 0, read = 0, written = 0, primed = 0, packed = 0] = figures(said);
  let bill = 0;
  await play('20 shared document', server, async (agent) => {
    const summary = await wholeJob(agent, work, { output_file: 'answers.csv' });
    bill = summary.cost_usd.actual;
  });
  expect(await readTable(server, 'answers.csv')).toHaveLength(QUESTIONS);
  expect(Math.abs(cost_usd.expected - bill) / bill).toBeLessThan(0.02);
  expect(cost_usd.maximum).toBeGreaterThanOrEqual(bill);

  // The same, 20 questions in a request.
  const { server: packing } = await billed('plain');
  const inPacks = { ...work, pack: 20 };
  const told = await packing.ok('estimate_cost', { ...inPacks, output_tokens_per_request: 200 });
  let packedBill = 0;
  await play('20 shared document, packed', packing, async (agent) => {
    const summary = await wholeJob(agent, inPacks, { output_file: 'answers.csv' });
    expect(summary.totals.succeeded).toBe(QUESTIONS);
    packedBill = summary.cost_usd.actual;
  });
  expect(await readTable(packing, 'answers.csv')).toHaveLength(QUESTIONS);
  expect(Math.abs(told.cost_usd.expected - packedBill) / packedBill).toBeLessThan(0.15);
  expect(packedBill).toBeLessThan(bill / 5);

  // The same, the first question alone, so that the others read what it has written.
  const { server: priming } = await billed('read by later batches');
  const inTwo = { ...work, primer: true };
  const first = await priming.ok('estimate_cost', { ...inTwo, output_tokens_per_request: 200 });
  let primedBill = 0;
  await play('20 shared document, behind a primer', priming, async (agent) => {
    const summary = await wholeJob(agent, inTwo, { output_file: 'answers.csv' });
    expect(summary.totals.succeeded).toBe(QUESTIONS);
    primedBill = summary.cost_usd.actual;
  });
  expect(await readTable(priming, 'answers.csv')).toHaveLength(QUESTIONS);
  expect(Math.abs(first.cost_usd.expected - primedBill) / primedBill).toBeLessThan(0.05);
  expect(primedBill).toBeLessThan(bill / 2);
  expect(first.cost_usd.maximum).toBeGreaterThan(bill);
  expect(primed).toBe(read);

  // The same with the mark that a caller can set by native requests.
  const document = {
    type: 'document',
    source: { type: 'text', media_type: 'text/plain', data: DOCUMENT },
    title: 'contract.txt',
    cache_control: { type: 'ephemeral', ttl: '1h' },
  };
  const requests = times(QUESTIONS, (index) => ({
    custom_id: `q${index}`,
    params: {
      model: 'claude-haiku-5-5',
      max_tokens: 4_096,
      messages: [{ role: 'user', content: [document, { type: 'text', text: question(index) }] }],
    },
  }));
  const bills: Record<string, number> = {};
  for (const cache of ['written by all', 'read by all but the first'] as const) {
    const { server: other } = await billed(cache);
    await writeFile(
      path.join(other.work, 'native.jsonl'),
      requests.map((each) => JSON.stringify(each)).join('\n'),
    );
    const sent = await other.ok('submit_batch', { requests_file: 'native.jsonl' });
    const done = await other.ok('batch_status', { batch_id: sent.batch_id, wait_seconds: 20 });
    bills[cache] = done.cost_usd.actual;
    // Writing every time is what can happen at worst, and the maximum holds for it.
    expect(sent.cost_usd.maximum).toBeGreaterThanOrEqual(done.cost_usd.actual);
  }
  const { 'written by all': cold = 0, 'read by all but the first': warm = 0 } = bills;
  expect(cold).toBeGreaterThan(bill);
  expect(warm).toBeLessThan(bill);
  // What the document alone makes of each bill is what the advice says.
  expect(Math.abs(cold - bill - (written - plain)) / (written - plain)).toBeLessThan(0.03);
  expect(Math.abs(bill - warm - (plain - read)) / (plain - read)).toBeLessThan(0.03);
  expect(packed).toBeCloseTo(plain / 20, 2);
  process.stdout.write(
    `20 bills: plain ${bill} (expected ${cost_usd.expected}), packed by 20 ${packedBill} (expected ${told.cost_usd.expected}), behind a primer ${primedBill} (expected ${first.cost_usd.expected}), every request writes ${cold}, all but one read ${warm}; the document plain ${plain}, packed by 20 ${packed}\n`,
  );
});
