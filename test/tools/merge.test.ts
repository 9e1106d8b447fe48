import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { follow, sentIds, startApi, startCheckedServer, toTheEnd } from '../api.ts';
import { type ApiRequest, type ApiServer, apiError, errored, json, succeeded } from '../api-server.ts';
import { parseCsv } from '../csv.ts';
import { eachNth, long } from '../long.ts';

const promptOf = ({ params }: ApiRequest): string => {
  const [message] = params.messages as { content: string }[];
  return message?.content ?? '';
};
/** What stands in the items of a request. */
const itemsOf = (request: ApiRequest) =>
  [...promptOf(request).matchAll(/<item id="([^"]*)">\n([\s\S]*?)\n<\/item>/g)].map(([, id, text]) => [
    id,
    text,
  ]);

const sumUp = (request: ApiRequest): object =>
  succeeded(
    request,
    itemsOf(request)
      .map(([, text]) => text)
      .join('+'),
  );

async function setUp(table: string, answer: (request: ApiRequest, api: ApiServer) => object = sumUp) {
  const api: ApiServer = await startApi({ results: (all) => all.map((request) => answer(request, api)) });
  const server = await startCheckedServer({ api });
  await writeFile(path.join(server.work, 't.csv'), table);
  return { api, server };
}

const five = 'id,text\na,1\nb,2\nc,3\nd,4\ne,5\n';
const nine = `${five}f,6\ng,7\nh,8\ni,9\n`;
const rows = { rows_file: 't.csv', id_column: 'id', prompt: 'Sum up: {{items}}' };

describe('merge', () => {
  it('makes one task of so many rows, and of their answers, until one is left', async () => {
    const { api, server } = await setUp(five);
    const work = { ...rows, merge: 2 };
    const estimate = await server.ok('estimate_cost', work);
    expect(estimate.request_count).toBe(6);
    const { batch_id, cost_usd } = await server.ok('submit_batch', {
      work_id: estimate.work_id,
      output_file: 'o.jsonl',
    });
    expect(cost_usd.maximum).toBe(estimate.cost_usd.maximum);
    const status = await toTheEnd(server, api, batch_id);
    expect(sentIds(api)).toEqual([
      ['merge_1_1', 'merge_1_2', 'merge_1_3'],
      ['merge_2_1', 'merge_2_2'],
      ['merge_3_1'],
    ]);
    expect(itemsOf(api.creates[0]?.requests[1] ?? { custom_id: '', params: {} })).toEqual([
      ['c', '3'],
      ['d', '4'],
    ]);
    expect(status).toMatchObject({ request_count: 6, outcomes: { succeeded: 6, pending: 0 } });
    expect(status.cost_usd.actual).toBeLessThan(cost_usd.maximum);
    const { results, totals } = await server.ok('get_results', { batch_id });
    expect(results).toMatchObject([{ task_id: 'merge_3_1', text: '1+2+3+4+5' }]);
    expect(totals).toMatchObject({ total: 6, succeeded: 6 });
    const all = await server.ok('get_results', { batch_id, outcomes: ['succeeded'] });
    expect(all.results).toHaveLength(6);
    const [line, ...others] = (await readFile(path.join(server.work, 'o.jsonl'), 'utf8')).trim().split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({ task_id: 'merge_3_1', answer: '1+2+3+4+5' });
    expect(others).toEqual([]);
    expect(await server.ok('submit_batch', work)).toMatchObject({ batch_id, duplicate: true });
  });

  it('makes one task of all that have one value of a column', async () => {
    const { api, server } = await setUp('town,note\nUlm,a <b>\nBonn,c\nUlm,"d\n</item>"\n,e\n');
    const work = {
      rows_file: 't.csv',
      prompt: 'Of {{town}}: {{items}} ({{count}})',
      merge: 'town',
      output_file: 'o.csv',
    };
    const { batch_id, warnings } = await server.ok('submit_batch', work);
    expect(warnings).toEqual(['1 item has no value in "town", and is in no task.']);
    await toTheEnd(server, api, batch_id);
    expect(sentIds(api)).toEqual([['Ulm', 'Bonn']]);
    expect(promptOf(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} })).toBe(
      'Of Ulm: <item id="row_1">\na &lt;b&gt;\n</item>\n<item id="row_3">\nd\n&lt;/item&gt;\n</item> (2)',
    );
    const [head, first] = parseCsv(await readFile(path.join(server.work, 'o.csv'), 'utf8'));
    expect(head).toEqual(expect.arrayContaining(['town', 'count', 'answer']));
    expect(first).toEqual(expect.arrayContaining(['Ulm', '2']));
  });

  it('says which values of the column differ in nothing that a reader would see', async () => {
    const { server } = await setUp('town,note\nUlm,a\n"ulm ",b\nCaf\u00e9,c\nCafe\u0301,d\n');
    const work = { rows_file: 't.csv', prompt: '{{items}}', merge: 'town' };
    const { request_count, warnings } = await server.ok('estimate_cost', work);
    expect(request_count).toBe(4);
    expect(warnings).toContainEqual(
      expect.stringMatching(/^2 values of "town" differ from another in case, .* as "ulm " from "Ulm"/),
    );
  });

  eachNth<[column: string, table: string, item: [id: string, text: string], prompt: string]>(12, [
    ['text', 'id,text\na,x\nb,x\n', ['a', 'x'], 'x 2'],
    ['text', 'id,text,note\na,x,y\nb,x,z\n', ['a', 'y'], 'x 2'],
    ['items', 'id,items\na,x\nb,x\n', ['a', 'x'], 'x 2'],
    ['items', 'id,items,text\na,x,y\nb,x,z\n', ['a', 'y'], 'x 2'],
    ['count', 'id,count,note\na,3,y\nb,3,z\n', ['a', 'y'], '3 2'],
    ['row', 'id,row\na,x\nb,x\n', ['a', 'x'], ' 2'],
    ['id', 'id\na\n', ['a', 'a'], ' 1'],
    ['task_id', 'id,task_id,input_data\na,x,y\nb,x,z\n', ['a', 'y'], ' 2'],
  ])('keeps the items of a merge by %s (%j)', async (merge, table, item, filled) => {
    const { api, server } = await setUp(table);
    const name = ['text', 'items', 'count'].includes(merge) ? `row.${merge}` : 'count';
    const prompt = `${name === 'count' ? '' : `{{${name}}}`} {{count}} {{items}}`;
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge, prompt, output_file: 'o.csv' });
    await toTheEnd(server, api, batch_id);
    const [request = { custom_id: '', params: {} }] = api.creates[0]?.requests ?? [];
    expect(itemsOf(request)[0]).toEqual(item);
    expect(promptOf(request).startsWith(`${filled} <item`)).toBe(true);
    const [head, first] = parseCsv(await readFile(path.join(server.work, 'o.csv'), 'utf8'));
    expect(first?.[head?.indexOf(merge) ?? -1]).toBe(request.custom_id);
  });

  it('takes what an answer says for a column, beside those of its row', long, async () => {
    const { api, server } = await setUp('id,label\na,p\nb,q\nc,p\n', (request) =>
      succeeded(
        request,
        promptOf(request) === 'q' ? '{"label":"N","text":"no"}' : '{"label":"Y","text":"yes"}',
      ),
    );
    const first = await server.ok('submit_batch', {
      rows_file: 't.csv',
      id_column: 'id',
      prompt: '{{label}}',
      output_schema: {
        type: 'object',
        properties: { label: { type: 'string' }, text: { type: 'string' } },
        required: ['label', 'text'],
        additionalProperties: false,
      },
    });
    await toTheEnd(server, api, first.batch_id);
    for (const [merge, ids] of [
      ['json.label', ['Y', 'N']],
      ['label', ['p', 'q']],
      ['text', ['{"label":"Y","text":"yes"}', '{"label":"N","text":"no"}']],
    ] as const) {
      const work = { from_batch: first.batch_id, prompt: 'Sum up: {{items}}', merge };
      const { batch_id } = await server.ok('submit_batch', work);
      await toTheEnd(server, api, batch_id);
      const { requests = [] } = api.creates.at(-1) ?? {};
      const [{ custom_id, ...request } = { custom_id: '', params: {} }] = requests;
      const tasks = await server.ok('get_results', { batch_id, detail: 'full' });
      expect(tasks.results.map(({ task_id }: { task_id: string }) => task_id)).toEqual(ids);
      expect(itemsOf({ custom_id, ...request })[0]).toEqual(['a', 'label: Y\ntext: yes']);
    }
  });

  it.each<[when: string, hasEnded: boolean]>([
    ['that are there', true],
    ['that are to come', false],
  ])('puts the answers %s of each variant together, and names it', async (_when, hasEnded) => {
    const { api, server } = await setUp('id,text,variant\na,1,x\nb,2,y\n', (request) =>
      succeeded(request, promptOf(request)),
    );
    const first = await server.ok('submit_batch', {
      rows_file: 't.csv',
      id_column: 'id',
      variants: { A: { prompt: 'Say {{text}}.' }, B: { prompt: 'Sing {{text}}.' } },
    });
    if (hasEnded) await toTheEnd(server, api, first.batch_id);
    const from = { from_batch: first.batch_id };
    const each = await server.ok('submit_batch', {
      ...from,
      prompt: '{{variant}} ({{row.variant}}): {{text}}',
    });
    const all = await server.ok('submit_batch', {
      ...from,
      prompt: '{{variant}}: {{items}}',
      merge: 'variant',
    });
    await toTheEnd(server, api, first.batch_id);
    for (const { batch_id } of [each, all]) await toTheEnd(server, api, batch_id);
    // Whichever is sent first.
    const [merged, one] = api.creates.slice(1).sort((a, b) => a.requests.length - b.requests.length);
    expect(one?.requests.map(promptOf)).toEqual([
      'A (x): Say 1.',
      'B (x): Sing 1.',
      'A (y): Say 2.',
      'B (y): Sing 2.',
    ]);
    expect(merged?.requests.map((request) => [promptOf(request)[0], itemsOf(request).length])).toEqual([
      ['A', 2],
      ['B', 2],
    ]);
  });

  it('takes digits for a number, unless a column is called so', long, async () => {
    const { api, server } = await setUp('id,2\na,x\nb,y\nc,x\n');
    const work = { rows_file: 't.csv', id_column: 'id', prompt: 'Sum up: {{items}}' };
    const byColumn = await server.ok('submit_batch', { ...work, merge: '2' });
    const byNumber = await server.ok('submit_batch', { ...work, merge: ' 3 ' });
    await toTheEnd(server, api, byColumn.batch_id);
    await toTheEnd(server, api, byNumber.batch_id);
    expect(sentIds(api)).toEqual([['x', 'y'], ['merge_1_1']]);
    expect(await server.fails('submit_batch', { ...work, merge: '1' })).toMatch(/merge.*at least 2/s);
  });

  it('takes files and parts of them, and puts the items behind a prompt without places', long, async () => {
    const { api, server } = await setUp(five);
    await writeFile(path.join(server.work, 'a.log'), 'one\ntwo\nthree\n');
    await writeFile(path.join(server.work, 'b.log'), 'four\n');
    const work = { input_files: ['*.log'], split_chars: 5, task_type: 'analyze_logs', merge: 3 };
    const { batch_id } = await server.ok('submit_batch', work);
    await toTheEnd(server, api, batch_id);
    expect(api.batches).toHaveLength(2);
    expect(itemsOf(api.creates[0]?.requests[0] ?? { custom_id: '', params: {} })).toHaveLength(3);
    const { batch_id: plain } = await server.ok('submit_batch', {
      input_files: ['*.log'],
      prompt: 'Sum up.',
      merge: 9,
    });
    await toTheEnd(server, api, plain);
    expect(promptOf(api.creates.at(-1)?.requests[0] ?? { custom_id: '', params: {} })).toMatch(
      /^Sum up\.\n\n<text>\n<item id="a.log">/,
    );
    expect((await server.ok('get_results', { batch_id: plain })).results).toHaveLength(1);
  });

  it('takes the answers of a batch, also of one that has not ended', long, async () => {
    const { api, server } = await setUp(five, (request) =>
      succeeded(
        request,
        itemsOf(request).length === 0
          ? request.custom_id
          : itemsOf(request)
              .map(([, text]) => text)
              .join('+'),
      ),
    );
    const { batch_id } = await server.ok('submit_batch', {
      rows_file: 't.csv',
      id_column: 'id',
      prompt: '{{text}}',
    });
    const work = { from_batch: batch_id, prompt: 'Sum up: {{items}}', merge: 2, output_file: 'o.md' };
    const waiting = await server.ok('submit_batch', work);
    expect(waiting).toMatchObject({ processing_status: 'waiting', request_count: 6 });
    const status = await toTheEnd(server, api, waiting.batch_id);
    expect(status.output_files).toEqual([path.join(server.work, 'o.md')]);
    const { results } = await server.ok('get_results', { batch_id: waiting.batch_id });
    expect(results).toMatchObject([{ task_id: 'merge_3_1', text: 'a+b+c+d+e' }]);
  });

  it('leaves out what failed, and says so', long, async () => {
    const { api, server } = await setUp(five, (request) =>
      request.custom_id === 'merge_1_2' || request.custom_id === 'merge_1_3'
        ? errored(request, 'api_error', 'Oh.')
        : sumUp(request),
    );
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2 });
    const status = await toTheEnd(server, api, batch_id);
    expect(status.warnings.join('\n')).toMatch(
      /2 of 3 tasks of stage 1 have no finished answer.*1 task of stage 2 had nothing to merge/s,
    );
    expect(status.outcomes).toMatchObject({ succeeded: 3, errored: 2, missing: 1, pending: 0 });
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: '1+2' }]);
    const { results } = await server.ok('get_results', { batch_id, task_ids: ['merge_2_2'] });
    expect(results).toMatchObject([
      { outcome: 'missing', error: { type: 'nothing_to_merge', retryable: false } },
    ]);
    // Two leaves, and what is made of them above.
    const { retry } = await server.ok('retry_batch', { batch_id, outcomes: ['failed'], dry_run: true });
    expect(retry.request_count).toBe(5);
  });

  it('sends again what can succeed before it is left out', long, async () => {
    const { api, server } = await setUp(five, (request, { batches }) =>
      request.custom_id === 'merge_1_2' && batches.length === 1
        ? errored(request, 'api_error', 'Oh.')
        : sumUp(request),
    );
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2, retries: 1 });
    const status = await toTheEnd(server, api, batch_id);
    expect(sentIds(api).map((each) => each.length)).toEqual([3, 1, 2, 1]);
    expect(status.outcomes).toMatchObject({ succeeded: 6 });
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: '1+2+3+4+5' }]);
  });

  it('stops where a stage has no finished answer at all, and where it is canceled', async () => {
    const { api, server } = await setUp(five, (request) => errored(request, 'api_error', 'Oh.'));
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2 });
    const status = await toTheEnd(server, api, batch_id);
    expect(status.processing_status).toBe('not_sent');
    expect(status.warnings.join('\n')).toContain('stage 1 of the merge has no finished answer');
    const other = await server.ok('submit_batch', { ...rows, merge: 3 });
    await server.ok('cancel_batch', { batch_id: other.batch_id });
    api.endAll();
    const canceled = await follow(
      server,
      other.batch_id,
      ({ processing_status }) => processing_status === 'not_sent',
    );
    expect(canceled.warnings.join('\n')).toContain('it was canceled while it waited');
    expect(api.batches).toHaveLength(2);
  });

  it('merges again what was left out, once it is answered, and nothing that stays as it was', async () => {
    const { api, server } = await setUp(nine, (request, { creates }) =>
      request.custom_id === 'merge_1_2' && creates.length === 1
        ? errored(request, 'api_error', 'Oh.')
        : sumUp(request),
    );
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2, output_file: 'o.jsonl' });
    const first = await toTheEnd(server, api, batch_id);
    expect(first.warnings.join(' ')).toContain('1 of 5 tasks of stage 1 has no finished answer');
    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(retry).toMatchObject({ attempt: 2, request_count: 4 });
    const status = await toTheEnd(server, api, batch_id);
    expect(sentIds(api).slice(4)).toEqual([['merge_1_2'], ['merge_2_1'], ['merge_3_1'], ['merge_4_1']]);
    expect(status.warnings.join(' ')).not.toContain('no finished answer');
    expect(status.cost_usd.actual).toBeLessThanOrEqual(status.cost_usd.maximum);
    const whole = '1+2+3+4+5+6+7+8+9';
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: whole }]);
    await expect.poll(() => readFile(path.join(server.work, 'o.jsonl'), 'utf8')).toContain(whole);
    expect(await server.fails('retry_batch', { batch_id })).toMatch(/finished answer/);
  });

  it('leaves the merge as it was where what is sent again fails again', long, async () => {
    const { api, server } = await setUp(five, (request) =>
      request.custom_id === 'merge_1_2' ? errored(request, 'api_error', 'Oh.') : sumUp(request),
    );
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2 });
    await toTheEnd(server, api, batch_id);
    await server.ok('retry_batch', { batch_id });
    await toTheEnd(server, api, batch_id);
    expect(sentIds(api).at(-1)).toEqual(['merge_1_2']);
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: '1+2+5' }]);
  });

  it('merges anew of a finished answer that is replaced, and of one that is corrected', long, async () => {
    const { api, server } = await setUp(five);
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2 });
    await toTheEnd(server, api, batch_id);
    await server.ok('retry_batch', { batch_id, task_ids: ['merge_2_1'], replace: true });
    await toTheEnd(server, api, batch_id);
    expect(sentIds(api).slice(3)).toEqual([['merge_2_1'], ['merge_3_1']]);
    const prompt = '<item id="x">\n7\n</item>';
    await server.ok('retry_batch', { batch_id, requests: [{ task_id: 'merge_1_3', prompt }] });
    await toTheEnd(server, api, batch_id);
    expect(sentIds(api).slice(5)).toEqual([['merge_1_3'], ['merge_2_2'], ['merge_3_1']]);
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: '1+2+3+4+7' }]);
  });

  it('goes on where it has stopped', long, async () => {
    const { api, server } = await setUp(five, (request, { creates }) =>
      creates.length === 1 ? errored(request, 'api_error', 'Oh.') : sumUp(request),
    );
    const { batch_id, cost_usd } = await server.ok('submit_batch', { ...rows, merge: 2 });
    expect((await toTheEnd(server, api, batch_id)).processing_status).toBe('not_sent');
    const { retry } = await server.ok('retry_batch', { batch_id });
    expect(retry.request_count).toBe(6);
    expect(retry.cost_usd.maximum).toBeLessThan(2 * cost_usd.maximum);
    const status = await toTheEnd(server, api, batch_id);
    expect(sentIds(api).map((each) => each.length)).toEqual([3, 3, 2, 1]);
    expect(status).toMatchObject({ processing_status: 'ended', outcomes: { succeeded: 6, pending: 0 } });
    expect((await server.ok('get_results', { batch_id })).results).toMatchObject([{ text: '1+2+3+4+5' }]);
  });

  it('goes on behind a stage that the API refused, and where it was canceled between two', long, async () => {
    const { api, server } = await setUp(five);
    api.override('create', json(400, apiError('invalid_request_error', 'Not now.')), { times: 1 });
    const { batch_id } = await server.ok('submit_batch', { ...rows, merge: 2 });
    const refused = await server.ok('batch_status', { batch_id });
    expect(refused.processing_status).toBe('not_sent');
    await server.ok('retry_batch', { batch_id });
    await toTheEnd(server, api, batch_id);
    expect(sentIds(api).map((each) => each.length)).toEqual([3, 2, 1]);

    const other = await server.ok('submit_batch', { ...rows, merge: 3 });
    await server.ok('cancel_batch', { batch_id: other.batch_id });
    api.endAll();
    await follow(server, other.batch_id, ({ processing_status }) => processing_status === 'not_sent');
    await server.ok('retry_batch', { batch_id: other.batch_id });
    await toTheEnd(server, api, other.batch_id);
    expect((await server.ok('get_results', { batch_id: other.batch_id })).results).toMatchObject([
      { text: '1+2+3+4+5' },
    ]);
  });

  eachNth<[what: string, args: object, said: RegExp]>(3, [
    ['a column that is not there', { ...rows, merge: 'town' }, /merge.*"town" is not a column/s],
    ['one at a time', { ...rows, merge: 1 }, /merge.*a whole number, at least 2, or a column/s],
    [
      'tasks',
      { requests: ['a', 'b'], merge: 2 },
      /merge.*goes with rows_file, input_files or from_batch only/s,
    ],
    ['a place that is none', { ...rows, prompt: '{{note}}', merge: 2 }, /note.*names no column/s],
    ['a file for each', { ...rows, merge: 2, output_pattern: '{{id}}.md' }, /output_pattern.*one answer/s],
  ])('refuses %s', async (_what, args, said) => {
    const { api, server } = await setUp(five);
    expect(await server.fails('submit_batch', args)).toMatch(said);
    expect(api.creates).toHaveLength(0);
  });
});
