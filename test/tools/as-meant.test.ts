import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { endedBatch, ids, prompts } from '../api.ts';
import { errored, succeeded } from '../api-server.ts';
import { startServer } from '../harness.ts';
import { eachNth, eachNthOf } from '../long.ts';

const task = { task_id: 'a', prompt: 'Hi {{who}}', input_data: { who: 'you' } };
const native = {
  custom_id: 'n',
  params: { model: 'claude-haiku-5-5', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] },
};
const schema = {
  type: 'object',
  properties: { a: { type: 'string' } },
  required: ['a'],
  additionalProperties: false,
};

/** Arguments as clients send them, and what is meant. */
type Row = [what: string, sent: Record<string, unknown>, meant: Record<string, unknown>];

const nothing = {
  requests_file: '',
  task_type: '',
  prompt: '',
  input_data: {},
  system: '',
  model_tier: '',
  model: '',
  output_schema: {},
};

const work: Row[] = [
  ['a list as JSON text', { requests: JSON.stringify([task, native]) }, { requests: [task, native] }],
  ['tasks as JSON texts', { requests: [JSON.stringify(task)] }, { requests: [task] }],
  [
    'params as JSON text',
    { requests: [{ ...native, params: JSON.stringify(native.params) }] },
    { requests: [native] },
  ],
  ['input_data as JSON text', { requests: [{ ...task, input_data: '{"who":"you"}' }] }, { requests: [task] }],
  [
    'a shared input_data as JSON text',
    { requests: [task], input_data: '{"b":1}' },
    { requests: [task], input_data: { b: 1 } },
  ],
  [
    'a schema as JSON text',
    { requests: [task], output_schema: JSON.stringify(schema) },
    { requests: [task], output_schema: schema },
  ],
  [
    'a list as JSON text behind a byte order mark',
    { requests: `\uFEFF${JSON.stringify([task])}` },
    { requests: [task] },
  ],
  [
    'a task with every setting filled in',
    {
      requests: [
        {
          ...task,
          task_type: '',
          model_tier: '',
          model: '',
          effort: '',
          max_tokens: 0,
          system: '',
          output_schema: {},
        },
      ],
    },
    { requests: [task] },
  ],
  [
    'a task with an empty native part',
    { requests: [{ ...task, custom_id: '', params: {} }] },
    { requests: [task] },
  ],
  [
    'a native request with an empty task',
    { requests: [{ ...native, task_id: '', prompt: '' }] },
    { requests: [native] },
  ],
  [
    "a number in a task's text",
    { requests: [{ ...task, max_tokens: '77' }] },
    { requests: [{ ...task, max_tokens: 77 }] },
  ],
  [
    'parts of params as JSON texts',
    {
      requests: [
        {
          ...native,
          params: { ...native.params, max_tokens: '9', messages: JSON.stringify(native.params.messages) },
        },
      ],
    },
    { requests: [native] },
  ],
  [
    'variants as JSON texts',
    { requests: [task], variants: { A: '{"model":"haiku"}', B: '{"model":"sonnet"}' } },
    { requests: [task], variants: { A: { model: 'haiku' }, B: { model: 'sonnet' } } },
  ],
  [
    'numbers for labels',
    { requests: [task], labels: [1, 2, 3] },
    { requests: [task], labels: ['1', '2', '3'] },
  ],
  ['a list as JSON text in JSON', { requests: JSON.stringify(JSON.stringify([task])) }, { requests: [task] }],
  [
    'a list in a fenced block',
    { requests: `\`\`\`json\n${JSON.stringify([task])}\n\`\`\`` },
    { requests: [task] },
  ],
  [
    'an object as JSON text in JSON',
    { requests: [task], output_schema: JSON.stringify(JSON.stringify(schema)) },
    { requests: [task], output_schema: schema },
  ],
  ['a quoted text for a list of texts', { requests: '"Hello" [1]' }, { requests: ['"Hello" [1]'] }],
  ['a number for a text', { requests: [task], prompt: 7 }, { requests: [task], prompt: '7' }],
  ['a number in text', { requests: [task], max_tokens: '77' }, { requests: [task], max_tokens: 77 }],
  [
    'a number in text, with blanks',
    { requests: prompts(ids(3)), max_tasks: ' 2 ' },
    { requests: prompts(ids(3)), max_tasks: 2 },
  ],
  ...['1,000', ' 1000 tokens', '+1000'].map(
    (max_tokens): Row => [
      `${max_tokens} for a number`,
      { requests: [task], max_tokens },
      { requests: [task], max_tokens: 1000 },
    ],
  ),
  ...['Cheap', 'CHEAP', ' cheap\n', '"cheap"', '`cheap`', "'Cheap'"].map(
    (model_tier): Row => [
      `${JSON.stringify(model_tier)} for one of a set`,
      { requests: [task], model_tier },
      { requests: [task], model_tier: 'cheap' },
    ],
  ),
  [
    'capitals for the words of a task',
    { requests: [{ ...task, model_tier: 'Cheap', effort: 'LOW' }] },
    { requests: [{ ...task, model_tier: 'cheap', effort: 'low' }] },
  ],
  ['a text alone in a list', { requests: [task], model: ['haiku'] }, { requests: [task], model: 'haiku' }],
  ['numbers for ids', { requests: [{ ...task, task_id: 7 }] }, { requests: [{ ...task, task_id: '7' }] }],
  [
    'a number for a native id',
    { requests: [{ ...native, custom_id: 7 }] },
    { requests: [{ ...native, custom_id: '7' }] },
  ],
  [
    'null for what is left out',
    { requests: [task], requests_file: null, max_tasks: null },
    { requests: [task] },
  ],
  ['nothing for what is left out', { requests: [task], ...nothing }, { requests: [task] }],
  ['zeros beside it', { requests: [task], ...nothing, max_tokens: 0, max_tasks: 0 }, { requests: [task] }],
  [
    'no tasks beside a file',
    { requests: [], requests_file: 'tasks.jsonl' },
    { requests_file: 'tasks.jsonl' },
  ],
  [
    'keys of clients',
    { requests: [task], _meta: {}, toolCallId: 'x', tool_call_description: 'y', random_string: '' },
    { requests: [task] },
  ],
  [
    'keys of clients for chats',
    {
      requests: [task],
      sessionId: 'x',
      action: 'sendMessage',
      chatInput: 'y',
      task_progress: '- [ ]',
      thought: 'z',
    },
    { requests: [task] },
  ],
];

eachNth(3, work)('work: %s', async (_, sent, meant) => {
  const server = await startServer({ argv: ['--sandbox'] });
  await writeTasks(server.work);
  const estimateOf = async (args: object) => {
    const { preview, ...estimate } = await server.ok('estimate_cost', args);
    // Ids that are made for variants are others each time.
    return { ...estimate, preview: preview.replace(/"task_1_\w+"/, '"made"') };
  };
  expect(await estimateOf(sent)).toEqual(await estimateOf(meant));
});

eachNthOf(6, ['$5', '5 USD', '0.50', '2 dollars', '5$', 'USD 5', 'usd5'])(
  'a limit of %j is one in dollars',
  async (max_cost_usd) => {
    const server = await startServer({ argv: ['--sandbox'] });
    await server.ok('submit_batch', { requests: ['Hi'], max_cost_usd });
    const said = await server.fails('submit_batch', { requests: ['Hi again'], max_cost_usd: '$0.00001' });
    expect(said).toContain('above the limit');
  },
);

test.each(['4k', '1.000,5', '1,00', 'five', '5 EUR', '10%', '1e3', ''])(
  '%j is no number that can be sure, and changes nothing',
  async (max_tokens) => {
    const server = await startServer({ argv: ['--sandbox'] });
    const args = { requests: ['Hi'], max_tokens };
    if (max_tokens === '') await server.ok('submit_batch', args);
    else expect(await server.fails('submit_batch', args)).toContain('max_tokens: is a string');
  },
);

eachNth<[field: string, value: string]>(3, [
  ['system', 'undefined'],
  ['model', 'None'],
  ['max_tokens', 'null'],
  ['rows_file', ' null '],
  ['output_schema', 'null'],
  ['labels', 'undefined'],
  ['input_files', 'None'],
])('%s %j is a value that a program has not got, and that is said', async (field, value) => {
  const server = await startServer({ argv: ['--sandbox'] });
  const plain = await server.ok('estimate_cost', { requests: ['Hi'] });
  const { warnings, ...estimate } = await server.ok('estimate_cost', { requests: ['Hi'], [field]: value });
  expect(warnings).toEqual([...plain.warnings, `${field} ${JSON.stringify(value)} counts as left out.`]);
  expect(estimate.cost_usd).toEqual(plain.cost_usd);
});

test('a key that stands twice in the JSON of a text is said', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  const said = async (work: object) => (await server.ok('estimate_cost', work)).warnings.join(' ');
  const twice = (key: string, argument: string) =>
    `"${key}" is given twice in one object of ${argument}: the last one counts.`;
  const task = '{"task_id":"a","prompt":"x {{k}}","input_data":{"k":1,"k":2}}';
  const inField = { task_id: 'a', prompt: 'x {{k}}', input_data: '{"k":1,"k":2}' };
  for (const requests of [`[${task}]`, JSON.stringify(`[${task}]`), [task], [inField]])
    expect(await said({ requests })).toContain(twice('k', 'requests'));
  expect(await said({ requests: ['x'], input_data: '{"a":1,"\\u0061":2}' })).toContain(
    twice('a', 'input_data'),
  );
  expect(await said({ requests: ['{"a":1} and {"a":2}'] })).not.toContain('twice');
});

test.each(['undefined', 'null', 'None'])('but answers can be searched for %j', async (search) => {
  const server = await startServer({ argv: ['--sandbox'] });
  const { batch_id } = await server.ok('submit_batch', { requests: ['Hi'] });
  const { warnings } = await server.ok('get_results', { batch_id, search });
  expect(warnings.join(' ')).not.toContain('left out');
});

test.each(['good, bad', 'good\nbad', 'good; bad', 'good|bad'])(
  'labels %j are a list, not a file',
  async (labels) => {
    const server = await startServer({ argv: ['--sandbox'] });
    const said = await server.fails('estimate_cost', { requests: ['Hi'], labels });
    expect(said).toContain('labels: is one text of several labels. Valid: a list of different texts');
  },
);

eachNthOf(3, ['all', ['all'], 'any', '*'])(
  'outcomes: %j is no filter, and that is said',
  async (outcomes) => {
    const server = await startServer({ argv: ['--sandbox'] });
    const { batch_id } = await server.ok('submit_batch', { requests: ['Hi'] });
    const { warnings } = await server.ok('get_results', { batch_id, outcomes });
    expect(warnings.join(' ')).toContain(`outcomes ${JSON.stringify(outcomes)} counts as no filter.`);
  },
);

test('the English of Britain names the outcomes and the statuses too', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  const { batch_id } = await server.ok('submit_batch', { requests: ['Hi'] });
  await server.ok('get_results', { batch_id, outcomes: ['cancelled'] });
  expect((await server.ok('list_batches', { processing_status: 'cancelling' })).batches).toEqual([]);
});

test('processing_status: "all" is no filter, and that is said', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  const { batch_id } = await server.ok('submit_batch', { requests: ['Hi'] });
  const { batches, warnings } = await server.ok('list_batches', { processing_status: 'all' });
  expect(batches).toMatchObject([{ batch_id }]);
  expect(warnings.join(' ')).toContain('processing_status "all" counts as no filter.');
});

test('a batch is found by an id within quotes or a URL, and a file by its URL', async () => {
  const server = await startServer({ argv: ['--sandbox'] });
  await writeTasks(server.work);
  const requests_file = pathToFileURL(`${server.work}/tasks.jsonl`).href;
  const { batch_id } = await server.ok('submit_batch', { requests_file });
  const url = `https://api.anthropic.com/v1/messages/batches/${batch_id}`;
  const wrapped = [
    `"${batch_id}"`,
    `'${batch_id}'`,
    `\`${batch_id}\``,
    url,
    `${url}/`,
    `${url}/results?page=2`,
    `batch-mcp://batches/${batch_id}`,
    `**${batch_id}**`,
    `batch_id: ${batch_id}`,
    `batch_id="${batch_id}"`,
    `batch: ${batch_id}`,
    `Batch ${batch_id}.`,
    `batch ID ${batch_id},`,
    `<${batch_id}>`,
    `(${batch_id})`,
    `[${batch_id}]`,
    `/v1/messages/batches/${batch_id}/results`,
    `${batch_id.slice(0, 16)}...`,
    `${batch_id.slice(0, 16)}…`,
  ];
  for (const given of wrapped) {
    const { warnings, ...status } = await server.ok('batch_status', { batch_id: given });
    expect(status.batch_id).toBe(batch_id);
    expect(warnings.join(' ')).toMatch(new RegExp(`is ${batch_id}[.,]`));
  }
  for (const unclear of [
    `${batch_id} ${batch_id}`,
    `id: ${batch_id}`,
    `${batch_id}...x`,
    `"${batch_id}'`,
    `${batch_id}/results`,
    `https://x.test/?id=${batch_id}`,
  ])
    expect(await server.fails('batch_status', { batch_id: unclear })).toContain('not clear');
  const said = await server.fails('submit_batch', { requests_file: 'https://example.com/a.jsonl' });
  expect(said).toContain('download it into an allowed folder first');
  expect(await server.fails('submit_batch', { requests_file: 'file://host/a%2Fb.jsonl' })).toContain(
    'names no file of this machine',
  );
});

async function writeTasks(folder: string): Promise<void> {
  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${folder}/tasks.jsonl`, `${JSON.stringify(task)}\n`);
}

describe('a submission with every argument filled in', () => {
  const all = {
    requests: [task],
    ...nothing,
    max_tokens: 0,
    max_tasks: 0,
    name: '',
    output_file: '',
    max_cost_usd: 0,
    force_new: false,
  };

  test('is the one that is meant', async () => {
    const server = await startServer({ argv: ['--sandbox'] });
    const first = await server.ok('submit_batch', { requests: [task] });
    const second = await server.ok('submit_batch', { ...all, sandbox: 'true' });
    expect(second).toMatchObject({ batch_id: first.batch_id, duplicate: true });
  });

  test('but a zero that stands alone is meant', async () => {
    const server = await startServer({ argv: ['--sandbox'] });
    expect(await server.fails('submit_batch', { requests: [task], max_tasks: 0 })).toContain(
      'max_tasks: is too small',
    );
  });
});

describe('looking', () => {
  const answered = () =>
    endedBatch(prompts(ids(3)), ([first, second, third]) =>
      first && second && third
        ? [succeeded(first, 'Fine.'), errored(second, 'api_error', 'Oh.'), succeeded(third, 'Too.')]
        : [],
    );
  const rows: Row[] = [
    ['one text for a list', { outcomes: 'failed' }, { outcomes: ['failed'] }],
    ['a list as JSON text', { outcomes: '["errored"]' }, { outcomes: ['errored'] }],
    ['several in one text', { outcomes: 'errored, expired' }, { outcomes: ['errored', 'expired'] }],
    ['one id for a list', { task_ids: 't002' }, { task_ids: ['t002'] }],
    ['ids as JSON text', { task_ids: '["t002","t001"]' }, { task_ids: ['t002', 't001'] }],
    ['a number in text', { limit: '1' }, { limit: 1 }],
    [
      'nothing filled in',
      { outcomes: [], task_ids: [], cursor: '', output_file: '', overwrite: 'false' },
      {},
    ],
    ['nulls', { outcomes: null, task_ids: null, detail: null }, {}],
    ['an empty detail', { detail: '' }, {}],
  ];
  eachNth(3, rows)('%s', async (_, sent, meant) => {
    const { server, batch_id } = await answered();
    const plain = await server.ok('get_results', { batch_id, ...meant });
    expect(await server.ok('get_results', { batch_id, ...sent })).toEqual(plain);
  });

  eachNth(3, [
    ['get_results', { limit: 300 }, /limit is 200 here, not 300/],
    ['get_results', { limit: '1000' }, /limit is 200 here, not 1000/],
    ['batch_status', { wait_seconds: 60 }, /wait_seconds is 20 here, not 60/],
    ['list_batches', { limit: 500 }, /limit is 50 here, not 500/],
  ])('%s with %o is capped, and says so', async (tool, args, warning) => {
    const { server, batch_id } = await answered();
    const reply = await server.ok(tool, { ...(tool !== 'list_batches' && { batch_id }), ...args });
    expect(reply.warnings.join('\n')).toMatch(warning);
  });
});

test.each([
  ['a text that is no JSON', { requests: '[{"task_id": ' }, 'requests: is a string'],
  ['JSON of Python', { requests: "[{'task_id': 'a'}]" }, 'requests: is a string'],
  ['an object for a list, in a text', { requests: JSON.stringify(task) }, 'requests: is an object'],
  ['a number that is none', { requests: [task], max_tasks: 'two' }, 'max_tasks: is a string'],
  ['yes for true', { requests: [task], sandbox: 'yes' }, 'sandbox: is a string'],
  ['an object for a list', { requests: task }, 'requests: is an object'],
  ['a file mistyped', { request_file: 'a.jsonl' }, 'did you mean "requests_file"?'],
])('what differs in meaning is refused: %s', async (_, args, says) => {
  const server = await startServer();
  expect(await server.fails('submit_batch', args)).toContain(says);
});
