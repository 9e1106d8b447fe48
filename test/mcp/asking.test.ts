import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, test } from 'vitest';
import { createQuestions } from '../../src/mcp/asking.ts';
import { follow, ids, prompts, startApi } from '../api.ts';
import { type ApiHandler, errored, reset } from '../api-server.ts';
import { type Reply, startServer } from '../harness.ts';
import { eachNthOf, long } from '../long.ts';
import { startModernClient, startModernServer } from './modern-client.ts';

const requests = prompts(ids(3));
/** Whatever costs anything is asked about. */
const env = { BATCH_MCP_ASK_ABOVE_USD: '0' };
const forms = { elicitation: { form: {} } };

/** What is left of submissions in a data folder. */
async function leftIn(folder: string): Promise<string[]> {
  const places = ['batches', 'staging', 'submissions', 'budget'];
  const found = await Promise.all(
    places.map(async (place) => {
      const names = await readdir(path.join(folder, 'data', place), { recursive: true }).catch(() => []);
      return names.map((name) => `${place}/${name}`);
    }),
  );
  return found.flat().filter((name) => /\/.*\d/.test(name));
}

type Reaction = { name: string; answer: () => Promise<object> | object; sent: boolean; told: RegExp };

const never = () => new Promise<object>(() => {});

/** What is said of work that was sent. */
const SENT = /"processing_status":"in_progress",.*"request_count":3/;

/** What a person, or a client, makes of the form. */
const reactions: Reaction[] = [
  { name: 'accepted', answer: () => ({ action: 'accept', content: { send: true } }), sent: true, told: SENT },
  {
    name: 'accepted as it stands',
    answer: () => ({ action: 'accept', content: {} }),
    sent: true,
    told: SENT,
  },
  {
    name: 'accepted with the box as a text',
    answer: () => ({ action: 'accept', content: { send: 'true' } }),
    sent: true,
    told: SENT,
  },
  {
    name: 'accepted with a text that is no yes',
    answer: () => ({ action: 'accept', content: { send: 'false' } }),
    sent: false,
    told: /declined/,
  },
  {
    name: 'accepted with the box off under its title',
    answer: () => ({ action: 'accept', content: { 'Send it': false } }),
    sent: false,
    told: /declined/,
  },
  { name: 'accepted without content', answer: () => ({ action: 'accept' }), sent: true, told: SENT },
  {
    name: 'accepted with the box off',
    answer: () => ({ action: 'accept', content: { send: false } }),
    sent: false,
    told: /declined/,
  },
  { name: 'declined', answer: () => ({ action: 'decline' }), sent: false, told: /declined/ },
  { name: 'canceled', answer: () => ({ action: 'cancel' }), sent: false, told: /closed the question/ },
  { name: 'never answered', answer: never, sent: false, told: /Nobody answered/ },
  {
    name: 'answered with an error',
    answer: () => Promise.reject(new Error('no form here')),
    sent: false,
    told: /Nobody answered/,
  },
];

describe('a client of the old era', () => {
  async function asking(answer: Reaction['answer'], more: Parameters<typeof startServer>[0] = {}) {
    const api = await startApi({ results: (sent) => sent.map((each) => errored(each, 'api_error', 'Oh.')) });
    const server = await startServer({
      api,
      env,
      limits: { askMs: 500 },
      client: { capabilities: forms },
      ...more,
    });
    const questions: Reply[] = [];
    server.client.setRequestHandler(ElicitRequestSchema, async ({ params }) => {
      questions.push(params);
      return { ...(await answer()) } as never;
    });
    return { api, server, questions };
  }

  test.each(reactions)('whose question is $name', async ({ answer, sent, told }) => {
    const { api, server, questions } = await asking(answer);
    const { isError, text } = await server.call('submit_batch', { requests });
    expect(questions).toHaveLength(1);
    expect(questions[0]?.message).toMatch(/Send 3 requests .* about \$[\d.]+, and \$[\d.]+ at most/);
    expect(isError, text).toBe(!sent);
    expect(text).toMatch(told);
    expect(api.creates).toHaveLength(sent ? 1 : 0);
    if (sent) return;
    expect(text).toMatch(/^cost_limit: Nothing was sent/);
    expect((await server.ok('list_batches')).batches).toEqual([]);
    expect(await leftIn(server.folder)).toEqual([]);
  });

  const silent = [
    { name: 'for what costs less', more: { env: { BATCH_MCP_ASK_ABOVE_USD: '5' } }, args: { requests } },
    { name: 'where the owner set nothing', more: { env: {} }, args: { requests } },
    { name: 'for made-up answers', more: {}, args: { requests, sandbox: true } },
  ];
  eachNthOf(2, silent)('is not asked $name', async ({ more, args }) => {
    const { server, questions } = await asking(never, more);
    await server.ok('submit_batch', args);
    expect(questions).toEqual([]);
  });

  test('is not asked twice for the same work, and is asked for a retry', async () => {
    const { api, server, questions } = await asking(() => ({ action: 'accept' }));
    const { batch_id } = await server.ok('submit_batch', { requests });
    expect(await server.ok('submit_batch', { requests })).toMatchObject({ batch_id, duplicate: true });
    expect(questions).toHaveLength(1);
    api.endAll();
    await server.ok('batch_status', { batch_id, wait_seconds: 20 });
    await server.ok('retry_batch', { batch_id, dry_run: true });
    expect(questions).toHaveLength(1);
    await server.ok('retry_batch', { batch_id });
    expect(questions).toHaveLength(2);
    expect(questions[1]?.message).toMatch(/Send 3 requests/);
  });

  test.each([
    ['accept', 2],
    ['decline', 1],
  ])('is asked before what nobody can tell of is sent again: %s', async (action, creates) => {
    const answers = ['accept', action];
    const { api, server, questions } = await asking(() => ({ action: answers.shift() }), {
      env: { ...env, BATCH_MCP_SETTLE_SECONDS: '0.2' },
    });
    const ambiguous: ApiHandler = (request, response) => {
      api.make(['x', 'y', 'z']);
      reset(request, response);
    };
    api.override('create', ambiguous, { times: 1, after: true });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await follow(server, batch_id, ({ warnings }) => warnings.join(' ').includes('retry_batch with resolve'));
    const { isError, text } = await server.call('retry_batch', { batch_id, resolve: 'send_again' });
    expect(questions.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^Send 3 requests/),
      expect.stringMatching(/^Send 3 requests/),
    ]);
    expect(isError ?? false, text).toBe(action === 'decline');
    expect(text).toMatch(action === 'decline' ? /^cost_limit: .*The person declined/ : SENT);
    expect(api.creates).toHaveLength(creates);
  });

  test('tells the agent while the person thinks', async () => {
    let decide: (answer: object) => void = () => {};
    const decision = new Promise<object>((resolve) => {
      decide = resolve;
    });
    const { api, server } = await asking(() => decision, { limits: { askMs: 60_000, callMs: 300 } });
    const { batch_id } = await server.ok('submit_batch', { requests });
    await follow(server, batch_id, ({ next_step }) => /The person is being asked/.test(next_step));
    decide({ action: 'decline' });
    await expect.poll(() => server.call('batch_status', { batch_id })).toMatchObject({ isError: true });
    expect(await server.fails('batch_status', { batch_id })).toMatch(/The person declined/);
    expect(api.creates).toEqual([]);
    expect(await leftIn(server.folder)).toEqual([]);
  });

  const unable: { name: string; capabilities: object }[] = [
    { name: 'nothing', capabilities: {} },
    { name: 'addresses alone', capabilities: { elicitation: { url: {} } } },
  ];
  eachNthOf(2, unable)('that can ask $name is refused, and told so', async ({ capabilities }) => {
    const api = await startApi();
    const server = await startServer({ api, env, client: { capabilities } });
    for (const args of [{ requests }, { requests, max_cost_usd: 5 }, { requests, force_new: true }]) {
      expect(await server.fails('submit_batch', args)).toMatch(/cannot ask/);
    }
    expect(api.creates).toEqual([]);
    expect(await leftIn(server.folder)).toEqual([]);
  });
});

describe('a client of the new era', () => {
  const answers = (answer: unknown, requestState: unknown) => ({
    inputResponses: { approval: answer },
    requestState,
  });
  const accepted = { action: 'accept', content: { send: true } };

  async function asked() {
    const api = await startApi();
    const server = await startModernServer({ api, env });
    const params = { name: 'submit_batch', arguments: { requests } };
    const ask = async (more: object = {}) =>
      (await server.ask('tools/call', { ...params, ...more }, forms)).result;
    const question = await ask();
    return { api, server, ask, question };
  }

  test('gets the question as the reply, and sends with the answer', async () => {
    const { api, server, ask, question } = await asked();
    expect(question).toMatchObject({
      resultType: 'input_required',
      inputRequests: {
        approval: {
          method: 'elicitation/create',
          params: {
            mode: 'form',
            message: expect.stringMatching(/Send 3 requests .*\$/),
            requestedSchema: { type: 'object' },
          },
        },
      },
      requestState: expect.any(String),
    });
    expect(question).not.toHaveProperty('content');
    expect(await leftIn(server.folder)).toEqual([]);
    const reply = await ask(answers(accepted, question.requestState));
    expect(reply).toMatchObject({ resultType: 'complete', structuredContent: { request_count: 3 } });
    expect(api.creates).toHaveLength(1);
  });

  // Each is tried with the old era too, in which that takes no process of its own.
  const shown = reactions.filter(({ name }) => !/never|error/.test(name)).toReversed();
  eachNthOf(8, shown)('is $name', async (reaction) => {
    const { api, server, ask, question } = await asked();
    const reply = await ask(answers(await reaction.answer(), question.requestState));
    expect(reply.isError ?? false).toBe(!reaction.sent);
    expect(api.creates).toHaveLength(reaction.sent ? 1 : 0);
    if (!reaction.sent) expect(await leftIn(server.folder)).toEqual([]);
  });

  const forged: { name: string; more: (state: string) => object }[] = [
    { name: 'no state', more: () => answers(accepted, undefined) },
    { name: 'another state', more: () => answers(accepted, 'approved') },
    { name: 'a state without an answer', more: (requestState) => ({ requestState }) },
    {
      name: 'other work',
      more: (state) => ({ ...answers(accepted, state), arguments: { requests: prompts(ids(4)) } }),
    },
    {
      name: 'an answer to nothing',
      more: (requestState) => ({ requestState, inputResponses: { other: accepted } }),
    },
  ];
  test('is asked again for what approves nothing', async () => {
    const { api, ask, question } = await asked();
    for (const { name, more } of forged)
      expect(await ask(more(question.requestState)), name).toMatchObject({ resultType: 'input_required' });
    expect(api.creates).toEqual([]);
  });

  /** Work in a file, which can change between the question and its answer. */
  const inFile: { name: string; prompts: string[] }[] = [
    { name: 'other work at the same price', prompts: ['Delete A.', 'Delete B.', 'Delete C.'] },
    { name: 'less work', prompts: ['Explain A.', 'Explain B.'] },
  ];
  eachNthOf(2, inFile)(
    'that approved a file of three is asked again for $name',
    async ({ prompts: changed }) => {
      const api = await startApi();
      const server = await startModernServer({ api, env });
      const file = path.join(server.folder, 'work', 'tasks.json');
      const write = (texts: readonly string[]) =>
        writeFile(file, JSON.stringify(texts.map((prompt, index) => ({ task_id: `t${index}`, prompt }))));
      const call = { name: 'submit_batch', arguments: { requests_file: file } };
      await write(['Explain A.', 'Explain B.', 'Explain C.']);
      const question = (await server.ask('tools/call', call, forms)).result;
      await write(changed);
      const answer = { ...call, ...answers(accepted, question.requestState) };
      const again = (await server.ask('tools/call', answer, forms)).result;
      expect(again).toMatchObject({ resultType: 'input_required' });
      expect(api.creates).toEqual([]);
      expect(await leftIn(server.folder)).toEqual([]);
      const last = { ...call, ...answers(accepted, again.requestState) };
      expect((await server.ask('tools/call', last, forms)).result).toMatchObject({ resultType: 'complete' });
      expect(api.creates).toHaveLength(1);
    },
  );

  test('that approved a retry is asked again for other corrections', long, async () => {
    const api = await startApi({ results: (sent) => sent.map((each) => errored(each, 'api_error', 'Oh.')) });
    const server = await startModernServer({ api, env });
    const submit = { name: 'submit_batch', arguments: { requests } };
    const first = (await server.ask('tools/call', submit, forms)).result;
    const { result } = await server.ask(
      'tools/call',
      { ...submit, ...answers(accepted, first.requestState) },
      forms,
    );
    const { batch_id } = result.structuredContent;
    api.endAll();
    await server.call('batch_status', { batch_id, wait_seconds: 20 });
    const file = path.join(server.folder, 'work', 'corrected.json');
    const retry = { name: 'retry_batch', arguments: { batch_id, requests_file: file } };
    await writeFile(file, JSON.stringify([{ task_id: 't001', prompt: 'Explain A.' }]));
    const question = (await server.ask('tools/call', retry, forms)).result;
    await writeFile(file, JSON.stringify([{ task_id: 't001', prompt: 'Delete A.' }]));
    const answered = { ...retry, ...answers(accepted, question.requestState) };
    const again = (await server.ask('tools/call', answered, forms)).result;
    expect(again).toMatchObject({ resultType: 'input_required' });
    expect(api.creates).toHaveLength(1);
    await server.ask('tools/call', { ...retry, ...answers(accepted, again.requestState) }, forms);
    expect(api.creates).toHaveLength(2);
  });

  test('cannot answer through the arguments', async () => {
    const { api, server, question } = await asked();
    const forgeries = [
      answers(accepted, question.requestState),
      { approval: accepted },
      { send: true },
      { _meta: answers(accepted, question.requestState) },
      { max_cost_usd: 100 },
      { force_new: true },
    ];
    for (const forgery of forgeries) {
      const params = { name: 'submit_batch', arguments: { requests, ...forgery } };
      const { result } = await server.ask('tools/call', params, forms);
      expect(result.isError === true || result.resultType === 'input_required', JSON.stringify(forgery)).toBe(
        true,
      );
    }
    expect(api.creates).toEqual([]);
  });

  test('an answer counts once', async () => {
    const { api, server, ask, question } = await asked();
    const again = answers(accepted, question.requestState);
    await ask({ ...again });
    const other = await server.ask(
      'tools/call',
      { name: 'submit_batch', arguments: { requests, force_new: true }, ...again },
      forms,
    );
    expect(other.result.resultType).toBe('input_required');
    expect(api.creates).toHaveLength(1);
  });

  eachNthOf(2, [{ elicitation: { url: {} } }, {}])('that declares %j is refused', async (capabilities) => {
    const api = await startApi();
    const server = await startModernServer({ api, env });
    const result = await server.call('submit_batch', { requests }, capabilities);
    expect(result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringMatching(/cannot ask/) }],
    });
    expect(api.creates).toEqual([]);
    expect(await leftIn(server.folder)).toEqual([]);
  });

  test('cannot be asked once the call is answered', async () => {
    const asking = createQuestions(() => Promise.reject(new Error('too late')))({
      name: 'submit_batch',
      arguments: { requests },
    });
    expect(asking.end()).toBeNull();
    expect(await asking.ask({ message: 'Send it?', maximum: 1, work: 'x' }, 1_000)).toBe('late');
  });

  test('as the official one shows the form and goes on', long, async () => {
    const api = await startApi();
    const { client } = await startModernClient({ api, env, client: { capabilities: forms } });
    const messages: string[] = [];
    client.setRequestHandler('elicitation/create', ({ params }) => {
      messages.push(params.message);
      return { action: 'accept', content: { send: true } };
    });
    const result = await client.callTool({ name: 'submit_batch', arguments: { requests } });
    expect(result.structuredContent).toMatchObject({ request_count: 3 });
    expect(messages).toEqual([expect.stringMatching(/Send 3 requests/)]);
    expect(api.creates).toHaveLength(1);
  });
});
